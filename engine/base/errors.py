"""The errors of the engine, divided by whose fault they are, because that decides what an operator does next.

A domain rule that says no is not an error but an answer (`engine.model.outcomes.Rejection`).
Each class names the exit code of a process that ends with it; the supervisor's policy is a table
over these codes (`engine.supervisor.supervisor`).
"""

from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """Exit codes of every process of a node."""

    OK = 0
    CONFIG = 2  # the operator must change something; restarting cannot help
    DISK_FAULT = 3  # an I/O error: what the page cache holds is not to be believed
    CORRUPT = 4  # damaged data was found and named; nothing was changed
    INVARIANT = 5  # a bug: stop before it spreads
    LOCKED = 6  # another node uses the data directory
    TEMPORARY = 75  # sysexits.h EX_TEMPFAIL: try again


class RingfoldError(Exception):
    """Base of all errors here. `facts` (path, offset, sequence, hint, …) print on the same line."""

    exit_code: ClassVar[Exit] = Exit.TEMPORARY

    def __init__(self, message: str, *, hint: str = "", **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        text = f"{self.message} ({facts})" if facts else self.message
        return f"{text}; {self.hint}" if self.hint else text


class ConfigError(RingfoldError):
    """The configuration, or the application that was registered, cannot work."""

    exit_code = Exit.CONFIG


class Fault(RingfoldError):
    """The environment failed (disk, memory, a peer process): stop; a restart may help."""

    exit_code = Exit.DISK_FAULT


class CorruptData(RingfoldError):
    """Stored bytes are not what was written. Nothing was skipped and nothing was changed."""

    exit_code = Exit.CORRUPT


class InvariantBroken(RingfoldError):
    """The engine contradicts itself: a bug. Never caught."""

    exit_code = Exit.INVARIANT


class Locked(RingfoldError):
    """Another node holds the data directory."""

    exit_code = Exit.LOCKED


class NoSpace(RingfoldError):
    """Out of room; nothing was kept. The caller answers `busy` and tries again later."""


BUGS = (Exception, SystemExit)
"""What code of the application may raise: `sys.exit(3)` in a handler would end its process, at each start."""


def told(error: BaseException) -> str:
    """`Kind: text` of an error that the application raised. It can be encoded, and it is there whatever the
    error's own `__str__` does, because it is stored and answered."""
    try:
        text = str(error)
    except Exception as second:
        text = f"its text cannot be made: {type(second).__name__}"
    return f"{type(error).__name__}: {text}".encode("utf-8", "backslashreplace").decode()


def check(condition: bool, message: str, **facts: object) -> None:
    """Stays on in production, unlike `assert`, which `python -O` removes."""
    if not condition:
        raise InvariantBroken(message, hint="", **facts)
