"""The clock of a node: the system's, or a simulated one, which tests and demonstrations move.

    system                                  the time of day
    simulated:2026-11-24T08:00+08:00        begins then, and stands still until it is moved
    simulated:2026-11-24T08:00+08:00 x60    begins then, and a minute of it takes a second

A simulated clock begins when the data directory is made and goes on while no node runs, as any clock does.
The input stamps commands by it, process managers fire timers by it, and workers read it; nothing else does.
How far it was moved is kept in a note of the data directory, which every process looks at.
"""

import os
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_note, replace_note
from engine.base.errors import ConfigError, CorruptData, Fault
from engine.base.instants import duration_ns, instant, nanoseconds

SYSTEM = "system"
SIMULATED = re.compile(r"simulated:(\S+)(?: x(\d{1,6}))?")
LATEST = datetime.fromisoformat("2200-01-01T00:00Z")  # nanoseconds since 1970 fit 63 bits up to 2262
LATEST_NS = nanoseconds(LATEST)


class Rate(NamedTuple):
    """A simulated clock as its setting has it. `start_ns`: what it shows first; `factor`: its nanoseconds in
    one of the system's; 0: it stands still."""

    start_ns: int
    factor: int


class Clock(Protocol):
    """What tells a node the time."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970."""


class SystemClock:
    """The time of day."""

    now_ns = staticmethod(time.time_ns)


class SimulatedClock:
    """`rate`: how it goes; `begun_ns`: the system's time when it began; `note`: where it is kept how far it
    was moved."""

    def __init__(
        self, rate: Rate, begun_ns: int, note: Path, system_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._rate, self._begun_ns, self._note, self._system_ns = rate, begun_ns, note, system_ns
        self._known: tuple[int, int] | None = None
        self._moved_ns = 0

    def now_ns(self) -> int:
        """Nanoseconds since 1970; it stops when it shows LATEST. Raises CorruptData."""
        gone = self._rate.factor * max(0, self._system_ns() - self._begun_ns)
        return min(self._rate.start_ns + gone + self._moved(), LATEST_NS)

    def move(self, span: timedelta) -> None:
        """Moves it forward; every process of a running node notices within a tenth of a second. ConfigError
        if it would show LATEST or more, from which it could not come back."""
        if span < timedelta():
            raise ValueError(f"a clock is moved forward, not by {span}")
        if self.now_ns() + duration_ns(span) >= LATEST_NS:
            raise ConfigError(f"a clock shows times before {LATEST:%Y}", move=span, shows=shown(self))
        try:
            moved = _Moved(self._moved() + duration_ns(span))
            replace_note(self._note, msgspec.json.encode(moved) + b"\n")
        except OSError as error:
            raise Fault("the clock cannot be moved", path=self._note, error=error) from None

    def _moved(self) -> int:
        """How far it was moved, read again if the note is another one."""
        try:
            status = os.stat(self._note)
            found = (status.st_ino, status.st_mtime_ns)
            if found != self._known:
                moved = msgspec.json.decode(read_note(self._note), type=_Moved)
                self._moved_ns, self._known = moved.ns, found
        except FileNotFoundError:
            return self._moved_ns
        except NOT_DECODABLE as error:
            text, hint = "the clock's note is damaged", "restore it: without it the clock was never moved"
            raise CorruptData(text, path=self._note, error=error, hint=hint) from None
        return self._moved_ns


class _Moved(msgspec.Struct):
    ns: int


def rate_of(text: str) -> Rate | None:
    """What the setting says; None: the system's clock. Raises ConfigError."""
    if text == SYSTEM:
        return None
    try:
        if found := SIMULATED.fullmatch(text):
            start = datetime.fromisoformat(found[1])
            if start < LATEST:
                return Rate(nanoseconds(start), int(found[2] or 0))
    except (ValueError, TypeError):
        pass
    hint = 'system, or as in "simulated:2026-11-24T08:00+08:00 x60"'
    raise ConfigError("this is not a clock", clock=text, hint=hint)


def clock_of(text: str, begun_ns: int, note: Path) -> "SystemClock | SimulatedClock":
    """The clock that a setting names. Raises ConfigError."""
    rate = rate_of(text)
    return SystemClock() if rate is None else SimulatedClock(rate, begun_ns, note)


def shown(clock: Clock) -> str:
    """What a clock shows now, for people, in UTC."""
    return f"{instant(clock.now_ns()):%Y-%m-%d %H:%M:%S} UTC"
