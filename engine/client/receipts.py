"""The receipt of a command, and the errors that it raises on request.

    committed, unchanged, accepted    ok
    sent                              no answer was waited for
    rejected                          Rejected   a rule said no
    failed                            Failed     it could not be understood or handled
    busy                              Busy       the node kept nothing of it: try again
    unknown                           Unknown    no answer in time: it may have taken effect, or still may
"""

from collections.abc import Container
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from engine.base.errors import RingfoldError

Outcome = Literal["sent", "accepted", "committed", "unchanged", "rejected", "failed", "busy", "unknown"]
Wait = str
"""`sent`, `accepted`, `committed` or `projected:<view>`."""

LEVELS = ("sent", "accepted", "committed")
_PROJECTED = "projected:"


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a command, or how far it has come.

    `busy`: nothing was kept of this sending. `unknown`: no answer in time; the command may have taken effect
    or may still do so. Sending the same command object again is safe after either, and answers as the first
    time. `sent`: no answer was waited for.

    `result`: what the handler gave beside its events, of the type that the command's class declares
    (`class Take(Command, name=…, result=Left)`).

    `view_ready`: None unless a view was waited for. False: the command is committed, but the view has not
    shown it in time, for the reason in `message`; a query with `at_least=receipt` waits for it again.
    """

    outcome: Outcome
    id: str
    version: int = 0
    partition: int = 0
    position: int = 0
    result: Any = None
    code: str = ""
    message: str = ""
    view_ready: bool | None = None

    @property
    def ok(self) -> bool:
        """True if the command is accepted, or has had its effect (or needed none)."""
        return self.outcome in ("accepted", "committed", "unchanged")

    @property
    def at(self) -> tuple[int, int]:
        """(partition, position) of the command's events."""
        return self.partition, self.position

    def raise_for_outcome(self) -> "Receipt":
        """The receipt itself, or one of `Rejected`, `Failed`, `Busy`, `Unknown` is raised."""
        error = _ERRORS.get(self.outcome)
        if error is not None:
            raise error(self)
        return self


class OutcomeError(RingfoldError):
    """A command that was not accepted and has had no effect that is known of. `receipt` has the details."""

    def __init__(self, receipt: Receipt) -> None:
        text = ": ".join(part for part in (receipt.code, receipt.message) if part)
        super().__init__(text or receipt.outcome, command=receipt.id)
        self.receipt = receipt


class Rejected(OutcomeError):
    """A rule of the application said no: `receipt.code` names it."""


class Failed(OutcomeError):
    """The command could not be understood or handled."""


class Busy(OutcomeError):
    """The node kept nothing of the command. The same command object may be sent again."""


class Unknown(OutcomeError):
    """No answer came in time. The same command object may be sent again: it takes effect once."""


_ERRORS: dict[str, type[OutcomeError]] = {
    "rejected": Rejected,
    "failed": Failed,
    "busy": Busy,
    "unknown": Unknown,
}

def view_waited_for(wait: Wait, views: Container[str]) -> str | None:
    """The view that a `wait` names, or None. ValueError if it is not such a word, or there is no such view:
    to be asked before the command is sent, not after it had its effect."""
    if wait in LEVELS:
        return None
    view = wait.removeprefix(_PROJECTED)
    if view == wait or view not in views:
        raise ValueError(f"wait={wait!r}: sent, accepted, committed, or projected:<a view of this node>")
    return view


def with_view(receipt: Receipt, view: str, error: Exception | None) -> Receipt:
    """The receipt of a committed command whose view has shown it, or did not in time."""
    if error is None:
        return replace(receipt, view_ready=True)
    return replace(receipt, view_ready=False, message=f"view {view} is not there yet: {error}")
