"""The coaches of a train: built-in compositions, a reader of `coaches.json`, the rule table.

A composition is a list of (coach number, class code, seats). Totals of the built-in ones, 商务/一等/二等:
CR400AF 10/28/538, CR400AF-A 22/148/1,023, CR400AF-B 22/148/1,113, CRH380A 10/28/518,
CRH380BL 28/186/791; 25G: 826 hard seats, 462 hard and 72 soft berths.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from domain_12306.messages import CoachList
from domain_12306.seating.gaps import MAX_SEATS
from domain_12306.seating.seats import CLASS_NAMES
from engine import ConfigError

MAX_COACHES = 99  # two digits on the ticket
MAX_COACH_SEATS = 400  # far above any real coach (118), low enough for two-digit rows

RULES = {"G": "CR400AF", "C": "CR400AF", "D": "CRH380A"}
"""First letter of the train → composition."""
RULE_FOR_THE_REST = "25G"


def _coaches(text: str) -> CoachList:
    """Reads `1:9x5+Mx28 2-4:Ox90`: coach or range of coaches, then class x seats."""
    coaches: CoachList = []
    for word in text.split():
        numbers, _, seats = word.partition(":")
        first, _, last = numbers.partition("-")
        for number in range(int(first), int(last or first) + 1):
            for part in seats.split("+"):
                code, _, count = part.partition("x")
                coaches.append((number, code, int(count)))
    return coaches


BUILT_IN: dict[str, CoachList] = {
    "CR400AF": _coaches("1:9x5+Mx28 2-3:Ox90 4:Ox75 5:Ox63 6-7:Ox90 8:9x5+Ox40"),
    "CR400AF-A": _coaches("1:9x17 2:Mx60 3-7:Ox90 8:Ox75 9:Ox48 10-14:Ox90 15:Mx60 16:9x5+Mx28"),
    "CR400AF-B": _coaches("1:9x17 2:Mx60 3-7:Ox90 8:Ox75 9:Ox48 10-15:Ox90 16:Mx60 17:9x5+Mx28"),
    "CRH380A": _coaches("1:9x5+Mx28 2-3:Ox85 4:Ox75 5:Ox63 6-7:Ox85 8:9x5+Ox40"),
    "CRH380BL": _coaches(
        "1:9x2+Mx37 2:Mx56 3:9x24 4:Mx56 5:Ox71 6-8:Ox80 10-15:Ox80 16:9x2+Mx37"  # coach 9 dines
    ),
    "25G": _coaches("1-7:1x118 9-15:3x66 16-17:4x36"),
}


def problem_with(coaches: Sequence[tuple[int, str, int]]) -> str:
    """Why a coach list cannot be used; empty if it can."""
    totals: dict[str, int] = {}
    seen: dict[tuple[int, str], bool] = {}
    for number, code, seats in coaches:
        if not 1 <= number <= MAX_COACHES:
            return f"coach {number} is not in 1..{MAX_COACHES}"
        if code not in CLASS_NAMES or code == "W":
            return f"class {code!r} is none that has seats"
        if not 1 <= seats <= MAX_COACH_SEATS:
            return f"coach {number} has {seats} seats of class {code}, not 1..{MAX_COACH_SEATS}"
        if (number, code) in seen:
            return f"coach {number} lists class {code} twice"
        seen[number, code] = True
        totals[code] = totals.get(code, 0) + seats
    if not totals:
        return "there is no seat to sell"
    if max(totals.values()) > MAX_SEATS:
        return f"a class has more than {MAX_SEATS} seats"
    return ""


class Compositions:
    """Compositions by name, and the rule from a train's letter to one of them."""

    def __init__(self, by_name: Mapping[str, CoachList] = BUILT_IN) -> None:
        self.by_name = dict(by_name)
        self._of_letter: dict[str, CoachList | None] = {}

    @property
    def fingerprint(self) -> str:
        """Changes with any change of the content."""
        return hashlib.blake2b(repr(self.by_name).encode(), digest_size=8).hexdigest()

    def named(self, name: str) -> CoachList | None:
        """The composition of this name, otherwise the first that begins with it, as `CRH380A/B (unified)`."""
        exact = self.by_name.get(name)
        if exact is not None or not name:
            return exact
        return next((coaches for known, coaches in self.by_name.items() if known.startswith(name)), None)

    def of_train(self, train: str) -> CoachList | None:
        letter = train[:1]
        if letter not in self._of_letter:
            self._of_letter[letter] = self.named(RULES.get(letter, RULE_FOR_THE_REST))
        return self._of_letter[letter]


class _Coach(msgspec.Struct):
    coach: int
    seats: dict[str, int]


class _Model(msgspec.Struct):
    model: str
    coaches: list[_Coach]
    totals: dict[str, int] = {}


class _File(msgspec.Struct):
    models: list[_Model]
    classes: dict[str, str] = {}


def read_compositions(path: str | Path) -> Compositions:
    """Reads a coaches.json. Raises ConfigError, naming the model, on anything that does not add up."""
    try:
        content = msgspec.json.decode(Path(path).read_bytes(), type=_File)
    except OSError as error:
        raise ConfigError("cannot read the coaches file", path=path, reason=error.strerror) from None
    except msgspec.DecodeError as error:
        raise ConfigError("the coaches file is not what it should be", path=path, reason=error) from None
    codes = {key: text.partition(" ")[0] for key, text in content.classes.items()}
    by_name: dict[str, CoachList] = {}
    for model in content.models:
        coaches: CoachList = []
        totals: dict[str, int] = {}
        for coach in model.coaches:
            for key, seats in coach.seats.items():
                coaches.append((coach.coach, codes.get(key, key), seats))
                totals[key] = totals.get(key, 0) + seats
        problem = problem_with(coaches)
        if not problem and model.totals and totals != model.totals:
            problem = "its coaches do not add up to its totals"
        if problem:
            raise ConfigError(f"composition {model.model}: {problem}", path=path)
        by_name[model.model] = coaches
    compositions = Compositions(by_name)
    for letter in (*RULES, ""):
        if compositions.of_train(letter) is None:
            raise ConfigError(
                "the coaches file lacks a composition of the rule table",
                path=path,
                missing=RULES.get(letter, RULE_FOR_THE_REST),
            )
    return compositions


def totals(coaches: Sequence[tuple[int, str, int]]) -> dict[str, int]:
    """Class code → seats, in the order of first appearance."""
    result: dict[str, int] = {}
    for _, code, seats in coaches:
        result[code] = result.get(code, 0) + seats
    return result
