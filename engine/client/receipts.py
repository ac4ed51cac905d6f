"""The receipt: what a client knows of a command."""

from collections.abc import Container
from typing import Any, Literal

import msgspec

Kind = Literal["sent", "accepted", "committed", "unchanged", "rejected", "failed", "busy", "unknown"]
Wait = str
"""`sent`, `accepted`, `committed` or `projected:<view>`."""

LEVELS = ("sent", "accepted", "committed")
_PROJECTED = "projected:"


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """How a command ended, or how far it has come.

    `busy`: nothing was kept of this sending. `unknown`: no answer in time; the command may have taken effect
    or may still do so. Sending the same command object again is safe after either, and answers as the first
    time. `sent`: nobody waited for an answer. `unknown` with a position: it is committed, but the view that
    was waited for has not shown it in time.
    """

    outcome: Kind
    id: str
    version: int = 0
    partition: int = 0
    position: int = 0
    result: Any = None
    code: str = ""
    message: str = ""

    @property
    def ok(self) -> bool:
        """True if the command is accepted, or has had its effect (or needed none)."""
        return self.outcome in ("accepted", "committed", "unchanged")

    @property
    def at(self) -> tuple[int, int]:
        """(partition, position): for `at_least` of a query that must see this command's events."""
        return self.partition, self.position


def view_waited_for(wait: Wait, views: Container[str]) -> str | None:
    """The view that a `wait` names, or None. ValueError if it is no such word, or there is no such view: to
    be asked before the command is sent, not after it had its effect."""
    if wait in LEVELS:
        return None
    view = wait.removeprefix(_PROJECTED)
    if view == wait or view not in views:
        raise ValueError(f"wait={wait!r}: sent, accepted, committed, or projected:<a view of this node>")
    return view


class QueryRefused(Exception):
    """A query got an error for an answer. Codes: see the protocol."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
