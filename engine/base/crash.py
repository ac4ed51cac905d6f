"""Crash points: places in a process's loop where a test can have it die, as by SIGKILL.

    ENGINE_CRASH_AT=<point>:<n>            dies the n-th time it comes by the point (n from 1)
    ENGINE_CRASH_AT=<point>:<n>:<file>     the same, once for all processes and lives: the file is made first
    ENGINE_CRASH_AT=<…>,<…>                several of them

Without the variable a point costs one look at a global.
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
    """The aims that a value of the variable names. ValueError if it cannot be read: a test that kills nobody
    would prove nothing."""
    found = []
    for part in text.split(",") if text else ():
        point, _, rest = part.partition(":")
        number, _, file = rest.partition(":")
        if not point or int(number) < 1:
            raise ValueError(f"{VARIABLE}: {part!r} is not point:n")
        found.append(Aim(point, int(number), file))
    return found


_aims = aims_in(os.environ.get(VARIABLE, "")) or None
_passed: dict[str, int] = {}


def crash_point(name: str) -> None:
    """A place to die at."""
    if _aims is not None:
        _come_by(name, _aims)


def _come_by(name: str, aims: list[Aim]) -> None:
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
