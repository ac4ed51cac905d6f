"""The receipt: what a client knows of a command."""

from typing import Any, Literal

import msgspec

Kind = Literal["accepted", "committed", "unchanged", "rejected", "failed", "busy", "unknown"]
Wait = str
"""`accepted`, `committed` or `projected:<view>`."""


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """How a command ended, or how far it has come.

    `busy`: nothing was kept. `unknown`: no answer in time; the command may have taken effect or may still
    do so. Sending the same command object again is safe after either, and answers as the first time.
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


class QueryRefused(Exception):
    """A query got an error for an answer. Codes: see the protocol."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
