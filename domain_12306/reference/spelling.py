"""How station names are typed: in characters (重庆北), in full pinyin (chongqingbei), by its initials (cqb).

The pinyin comes from a dictionary of words (the package pypinyin), because many characters are read in
several ways: 重庆 is chongqing, 长沙 changsha, 厦门 xiamen.
"""

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from domain_12306.reference.stations import Stations
from engine import ConfigError


class Spelled(NamedTuple):
    """A station and how it is typed. `pinyin`: without tones and spaces, ü as v."""

    station: str
    city: str
    pinyin: str
    initials: str


def spelled(station: str, city: str) -> Spelled:
    """The spelling of a station. Raises ConfigError if pypinyin is not installed."""
    try:
        from pypinyin import Style, lazy_pinyin  # 0.2 s and 30 MB, which only a search needs
    except ModuleNotFoundError:
        hint = "pip install 'ringfold[railway]'"
        raise ConfigError("a search by pinyin needs pypinyin, which is not installed", hint=hint) from None
    pinyin = "".join(lazy_pinyin(station))
    initials = "".join(lazy_pinyin(station, style=Style.FIRST_LETTER))
    return Spelled(station, city, pinyin.lower(), initials.lower())


class StationIndex:
    """The stations that can be searched for."""

    def __init__(self, stations: Stations) -> None:
        self._stations = stations
        self._spelled: dict[str, Spelled] = {}

    def find(self, text: str, known: Iterable[str], limit: int) -> list[Spelled]:
        """The stations of `known` that a user may mean who has typed this, the likeliest first: those of
        which the name, then the city, the initials and the pinyin begin with it, then those that have it
        somewhere; shorter names first."""
        typed = plain(text)
        ranked: list[tuple[int, int, str, Spelled]] = []
        for station in known:
            one = self._spelled.get(station)
            if one is None:
                one = self._spelled[station] = spelled(station, self._stations.city(station))
            rank = _rank(one, typed)
            if rank is not None:
                ranked.append((rank, len(station), station, one))
        return [one for *_, one in sorted(ranked)[:limit]]


def plain(typed: str) -> str:
    """What was typed, however wide, and without the spaces and apostrophes between syllables."""
    text = unicodedata.normalize("NFKC", typed).lower().replace("ü", "v")
    return "".join(c for c in text if not c.isspace() and c not in "'’")


def _rank(one: Spelled, typed: str) -> int | None:
    ways = (one.station, one.city, one.initials, one.pinyin)
    if typed in (one.station, one.city, one.initials, one.pinyin):
        return 0
    for rank, way in enumerate(ways, 1):
        if way.startswith(typed):
            return rank
    return len(ways) + 1 if typed in one.station or typed in one.pinyin else None
