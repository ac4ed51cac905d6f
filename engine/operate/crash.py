"""Crash points: places in a process's loop where a test can have it die, as by SIGKILL.

    ENGINE_CRASH_AT=<point>:<n>            dies the n-th time it comes by the point (n from 1)
    ENGINE_CRASH_AT=<point>:<n>:<file>     the same, once for all processes and lives: the file is made first

Without the variable a point costs one look at a global.
"""

import os
import signal

VARIABLE = "ENGINE_CRASH_AT"


def _wanted(text: str) -> tuple[str, int, str] | None:
    point, _, rest = text.partition(":")
    number, _, file = rest.partition(":")
    return (point, int(number), file) if point and number.isdigit() else None


_aim = _wanted(os.environ.get(VARIABLE, ""))
_passed = 0


def crash_point(name: str) -> None:
    """A place to die at."""
    if _aim is not None:
        _come_by(name, _aim)


def _come_by(name: str, aim: tuple[str, int, str]) -> None:
    global _passed
    point, number, file = aim
    if name != point:
        return
    _passed += 1
    if _passed != number:
        return
    if file:
        try:
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)
