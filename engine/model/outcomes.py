"""What a command handler may answer, besides an event or several."""

from collections.abc import Sequence
from typing import Any

from engine.model.messages import Event


class Rejection(Exception):
    """A domain rule said no. An answer, not a fault; returned, or raised from deep inside."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def reject(code: str, message: str = "") -> Rejection:
    """Say no with a stable code, such as `sold-out`, and a sentence for a person."""
    return Rejection(code, message)


class Decided:
    """Events together with a result value (anything that JSON holds) for the client."""

    __slots__ = ("events", "result")

    events: Event | Sequence[Event]
    result: Any

    def __init__(self, events: Event | Sequence[Event], result: Any = None) -> None:
        self.events = events
        self.result = result


Decision = Event | Sequence[Event] | Rejection | Decided | None
