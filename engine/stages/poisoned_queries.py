"""Poisoned queries, which end the process that answers them, or never end.

    RUN/NAME.query            [query, digest of its arguments] while one is answered, an empty line otherwise
    DATA/failed/NAME.queries  those at which the process has died, and the mark of the code that did

The file in the run directory outlives the process, so the next life knows what the last one died of. After
DEATHS the query is refused with these arguments, and after MOST_DEATHS with any, because a client may vary
what makes no difference. A query that answers is no longer suspected: a process may be killed for other
reasons while it answers. All is forgotten when the code changes, or when an operator says so.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_note, replace_note
from engine.base.errors import NoSpace
from engine.base.files import DISK, Files
from engine.base.log import Log, log_error
from engine.base.log_codes import Code
from engine.follow.questions import Refused
from engine.stages.query_desk import Answers

DEATHS = 2  # one may be chance
MOST_DEATHS = 3  # of one query, whatever its arguments: below the hangs after which a follower is given up
MOST_KEPT = 100
LONGEST_NAME = 100
RETRY = "queries-retry"


class Asked(NamedTuple):
    """A query as it is told from others: its name, cut, and a digest of its arguments."""

    query: str
    arguments: str


class Suspect(msgspec.Struct, frozen=True):
    """A query at which the process has died, how often, and when last."""

    query: str
    arguments: str
    deaths: int
    since: str

    @property
    def asked(self) -> Asked:
        """What was asked."""
        return Asked(self.query, self.arguments)


class Suspects(msgspec.Struct, frozen=True):
    """The content of the note."""

    mark: str
    queries: list[Suspect] = []


def read_suspects(path: Path, files: Files = DISK) -> Suspects:
    """What is noted; nothing if there is no note, or if it cannot be read: then it is learned again."""
    try:
        return msgspec.json.decode(read_note(path, files), type=Suspects)
    except (OSError, *NOT_DECODABLE):
        return Suspects("")


def write_suspects(path: Path, suspects: Suspects, files: Files = DISK) -> None:
    """Notes them, durably. Raises OSError."""
    replace_note(path, msgspec.json.encode(suspects) + b"\n", files)


class PoisonedQueries:
    """The suspected queries of a follower. `in_hand`: the file in the run directory; `mark`: of its code."""

    def __init__(self, path: Path, in_hand: Path, mark: str, log: Log) -> None:
        self._path, self._mark, self._log = path, mark, log
        kept = read_suspects(path)
        self._suspects = {one.asked: one for one in kept.queries} if kept.mark == mark else {}
        self._file = os.open(in_hand, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._accuse()

    def over(self, answers: Answers) -> "Watched":
        """The same answers, watched."""
        return Watched(self, answers)

    def refuse(self, asked: Asked) -> None:
        """Raises Refused if the query is not to be run."""
        if self._suspects:
            one = self._suspects.get(asked)
            total = sum(other.deaths for other in self._suspects.values() if other.query == asked.query)
            if (one is not None and one.deaths >= DEATHS) or total >= MOST_DEATHS:
                text = f"{asked.query} ended its process {total} times, or never ended, and is not run again"
                raise Refused("poisoned", text)

    def begin(self, asked: Asked) -> None:
        """Notes what is in hand, as a death would leave it."""
        os.pwrite(self._file, msgspec.json.encode(asked) + b"\n", 0)

    def end(self, asked: Asked) -> None:
        """It was answered, so it is not to blame."""
        os.pwrite(self._file, b"\n", 0)
        if self._suspects and self._suspects.pop(asked, None) is not None:
            self._note()

    def forget(self) -> int:
        """An operator wants all to be run again. Returns how many there were."""
        count = len(self._suspects)
        self._suspects = {}
        self._note()
        return count

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    def _accuse(self) -> None:
        """Counts the death of the last life against what it had in hand."""
        line, _, _ = os.pread(self._file, 4096, 0).partition(b"\n")
        os.pwrite(self._file, b"\n", 0)
        try:
            asked = msgspec.json.decode(line, type=Asked)
        except NOT_DECODABLE:
            return
        before = self._suspects.pop(asked, None)
        deaths, now = 1 if before is None else before.deaths + 1, datetime.now(UTC)
        self._suspects[asked] = Suspect(*asked, deaths, now.isoformat(timespec="seconds"))
        for old in list(self._suspects)[:-MOST_KEPT]:
            del self._suspects[old]
        self._log(
            Code.QUERY_ENDED_PROCESS,
            "the process ended, or was killed because it hung, while it answered a query",
            query=asked.query,
            arguments=asked.arguments,
            deaths=deaths,
        )
        self._note()

    def _note(self) -> None:
        try:
            if self._suspects:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_suspects(self._path, Suspects(self._mark, list(self._suspects.values())))
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:  # known until this life ends
            text = "what a query did is not noted"
            log_error(self._log, Code.FOLLOW_NO_ROOM, NoSpace(text, path=self._path, error=error))


class Watched:
    """Answers that leave a trace of what they are at."""

    def __init__(self, poisoned: PoisonedQueries, answers: Answers) -> None:
        self._poisoned, self._answers = poisoned, answers

    @property
    def positions(self) -> list[int]:
        """Of the answers beneath."""
        return self._answers.positions

    def answer(
        self, query: str, args: "msgspec.Raw | bytes", texts: Mapping[str, str] | None = None
    ) -> bytes:
        """The answer of the answers beneath, or a refusal of what is poisoned."""
        if query == RETRY:
            return msgspec.json.encode(self._poisoned.forget())
        asked = asked_of(query, args, texts)
        self._poisoned.refuse(asked)
        self._poisoned.begin(asked)
        try:
            answer = self._answers.answer(query, args, texts)
        except Exception:  # any other kind ends the process, and the query stays in hand
            self._poisoned.end(asked)
            raise
        self._poisoned.end(asked)
        return answer


def asked_of(query: str, args: "msgspec.Raw | bytes", texts: Mapping[str, str] | None) -> Asked:
    """What a query is known by."""
    digest = blake2b(bytes(args), digest_size=8)
    for name, text in (texts or {}).items():
        digest.update(f"{len(name)} {len(text)} {name}{text}".encode("utf-8", "backslashreplace"))
    return Asked(query[:LONGEST_NAME], digest.hexdigest())
