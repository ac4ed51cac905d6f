"""Crash points: points in a process's loop where a test can kill it, as by SIGKILL.

    ENGINE_CRASH_AT=<point>:<n>            dies the n-th time it reaches the point (n from 1)
    ENGINE_CRASH_AT=<point>:<n>:<file>     the same, but only one process once: it makes the file first
    ENGINE_CRASH_AT=<…>,<…>                several of them

Without the variable a point costs one check of a global.
"""

import os
import signal
from typing import NamedTuple

VARIABLE = "ENGINE_CRASH_AT"


class Aim(NamedTuple):
    """Where to die, and when."""

    point: str
    number: int
    file: str


def aims_in(text: str) -> list[Aim]:
    """The aims that a value of the variable names. ValueError if it cannot be read, since a test that kills
    no process would prove nothing."""
    aims = []
    for part in text.split(",") if text else ():
        point, _, rest = part.partition(":")
        number, _, file = rest.partition(":")
        if not point or int(number) < 1:
            raise ValueError(f"{VARIABLE}: {part!r} is not point:n")
        aims.append(Aim(point, int(number), file))
    return aims


_aims = aims_in(os.environ.get(VARIABLE, "")) or None
_passed: dict[str, int] = {}


def crash_point(name: str) -> None:
    """A point at which the process can be made to die."""
    if _aims is not None:
        _reach(name, _aims)


def _reach(name: str, aims: list[Aim]) -> None:
    passed = _passed[name] = _passed.get(name, 0) + 1
    for point, number, file in aims:
        if point != name or number != passed:
            continue
        if file:
            try:
                os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            except FileExistsError:
                continue
        os.kill(os.getpid(), signal.SIGKILL)
