"""The senders: who has sent how many commands of late, so that a flood has a name.

    gate, gateway ──▶ Tally, once a message ──▶ Senders, once a second ──▶ a file in the run directory

Counting is a dictionary look-up for each message or batch of a client, never for each command. There may be
as many senders as clients like, so of each second the MOST that sent most are kept, the rest as one, and the
file has the SHOWN that sent most in the last WINDOW_S.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.files import show

WINDOW_S = 10
MOST = 1_000
SHOWN = 16
STALE_S = 3 * WINDOW_S  # what is older was written by a process that has ended
OTHERS = "others"

Who = TypeVar("Who", bound=Hashable)


class Tally(Generic[Who]):
    """What each sender has sent since the tally was taken: all commands, and those that were turned away,
    because there was no room or because they were no commands."""

    __slots__ = ("sent", "turned_away")

    def __init__(self) -> None:
        self.sent: dict[Who, int] = {}
        self.turned_away: dict[Who, int] = {}

    def send(self, who: Who, count: int) -> None:
        """So many arrived."""
        self.sent[who] = self.sent.get(who, 0) + count

    def turn_away(self, who: Who, count: int) -> None:
        """So many of them were turned away."""
        self.turned_away[who] = self.turned_away.get(who, 0) + count


class Sender(msgspec.Struct, frozen=True):
    """One of them. `pid`: of the process, if it is on this machine and on a local socket; `per_s`: commands;
    `turned_away_per_s`: those of them that were turned away."""

    name: str
    per_s: float
    turned_away_per_s: float
    pid: int = 0


class Seen(msgspec.Struct, frozen=True):
    """What a process saw in its window: `count` senders, of which `senders` sent most, in this order;
    `per_s`: commands of all. `at`: when, by the monotonic clock of the machine."""

    at: float
    count: int
    per_s: float
    turned_away_per_s: float
    senders: list[Sender]


NOTHING = Seen(0.0, 0, 0.0, 0.0, [])


class Senders(Generic[Who]):
    """The window over the tallies of one process. `named`: (name, pid) of a sender."""

    def __init__(
        self, path: Path, tally: Tally[Who], named: Callable[[Who], tuple[str, int]], now: float
    ) -> None:
        self._path, self._tally, self._named = path, tally, named
        self._began, self._next = now, now + 1.0
        self._window: deque[tuple[Counter[Who | None], Counter[Who | None]]] = deque(maxlen=WINDOW_S)
        self._told = True  # the file says that nothing was sent, or is not there yet

    def look(self, now: float) -> None:
        """Takes the tally and writes the file, if a second has passed; cheap otherwise, and while all are
        silent."""
        if now < self._next:
            return
        self._next = now + 1.0
        self._window.append((_bounded(self._tally.sent), _bounded(self._tally.turned_away)))
        self._tally.sent.clear()
        self._tally.turned_away.clear()
        silent = not any(sent for sent, _ in self._window)
        if not silent or not self._told:
            write_senders(self._path, self.seen(now))
            self._told = silent

    def seen(self, now: float) -> Seen:
        """The window as it is."""
        sent: Counter[Who | None] = Counter()
        turned: Counter[Who | None] = Counter()
        for some, away in self._window:
            sent.update(some)
            turned.update(away)
        seconds = max(1.0, min(WINDOW_S, now - self._began))
        senders = []
        for who, count in sent.most_common(SHOWN):
            name, pid = (OTHERS, 0) if who is None else self._named(who)
            senders.append(Sender(name, round(count / seconds, 1), round(turned[who] / seconds, 1), pid))
        per_s, away_per_s = (round(some.total() / seconds, 1) for some in (sent, turned))
        return Seen(now, len(sent), per_s, away_per_s, senders)


def _bounded(counts: dict[Who, int]) -> "Counter[Who | None]":
    """The highest MOST of them; the others together as None."""
    if len(counts) <= MOST:
        return Counter(counts)
    kept: Counter[Who | None] = Counter(dict(Counter(counts).most_common(MOST)))
    kept[None] = sum(counts.values()) - kept.total()
    return kept


def path_of(run: Path, process: str) -> Path:
    """The file of one process, in the run directory."""
    return run / f"senders-{process}.json"


def write_senders(path: Path, seen: Seen) -> None:
    """Replaces the file; without room the old one stays."""
    show(path, msgspec.json.encode(seen))


def read_senders(run: Path, process: str) -> Seen:
    """What the process saw last; nothing if that is long ago."""
    try:
        seen = msgspec.json.decode(path_of(run, process).read_bytes(), type=Seen)
    except (OSError, *NOT_DECODABLE):
        return NOTHING
    return seen if time.monotonic() - seen.at < STALE_S else NOTHING
