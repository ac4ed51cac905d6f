"""The outcomes that a command handler may return, besides events."""

from collections.abc import Callable, Sequence
from typing import Any

from engine.model.fitting import is_text, misfit
from engine.model.messages import ApplicationMessage, Command, Event

LONGEST_CODE, LONGEST_MESSAGE = 100, 4_000  # each is stored, remembered and sent again to who asks again


class BadDecision(TypeError):
    """What a handler returned is not a decision. Its text is the same each time, so an answer may have it."""


class Rejection(Exception):
    """The refusal of a domain rule. It is an answer and not a fault; it is returned, or raised from deep
    inside."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code, message)
        expect_texts(code, message)
        self.code = code
        self.message = cut_message(message)


def cut_message(message: str) -> str:
    """A message of at most LONGEST_MESSAGE characters."""
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"


def expect_texts(code: Any, message: Any) -> None:
    """Raises BadDecision unless these can be stored, and read by clients."""
    for name, text in (("code", code), ("message", message)):
        if not isinstance(text, str):
            kind = type(text).__name__
            raise BadDecision(f"a rejection is a code and a message, both texts; its {name} is {kind}")
        if not text.isascii() and not is_text(text):
            raise BadDecision(f"the {name} of a rejection cannot be encoded")
    if len(code) > LONGEST_CODE:
        raise BadDecision(f"the code of a rejection has at most {LONGEST_CODE} characters")


def reject(code: str, message: str = "") -> Rejection:
    """A rejection with a stable code, such as `sold-out`, and a sentence for people."""
    return Rejection(code, message)


class Decided:
    """Events together with a result value (anything that JSON holds) for the client."""

    __slots__ = ("events", "result")

    events: Event | Sequence[Event]
    result: Any

    def __init__(self, events: Event | Sequence[Event], result: Any = None) -> None:
        self.events = events
        self.result = result


def bad_decision(decide: Callable[..., Any], returned: Any) -> BadDecision:
    """The error of a handler that returned this where an event that its aggregate applies should be."""
    kind = type(returned)
    if isinstance(returned, Event):
        return BadDecision(f"{decide.__qualname__} returned {kind.__name__}, {why_not_applied(kind)}")
    text = f"{decide.__qualname__} returned a value of type {kind.__name__}"
    return BadDecision(f"{text}: return an event, several in a list, a Rejection, Decided or None")


def bad_event(decide: Callable[..., Any], event: Event) -> BadDecision:
    """The error of a handler that returned an event which would not be read back as it is."""
    return BadDecision(f"{decide.__qualname__} returned {misfit_of(event)}")


def misfit_of(event: Event) -> str:
    """What is wrong with an event that does not fit its class; it is named together with the field."""
    return f"{type(event).__name__}, which does not fit its class: {misfit(event)}"


def bad_result(decide: Callable[..., Any], command: type[Command], why: Exception) -> BadDecision:
    """The error of a handler whose result its clients could not read as what the command declares."""
    return BadDecision(f"{decide.__qualname__} returned a result that does not fit {command.__name__}: {why}")


def why_not_applied(event: type[Event]) -> str:
    """What is wrong with an event class that the aggregate which returns it does not apply."""
    if issubclass(event, ApplicationMessage):
        return "which is not registered: put @app.message above it"
    return f"which its aggregate does not apply: mark a method with @applies({event.__name__})"


Decision = Event | Sequence[Event] | Rejection | Decided | None
