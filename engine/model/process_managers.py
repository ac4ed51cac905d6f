"""Process managers: what happens across aggregates. Events in; commands and timers out.

    @app.process_manager("booking")
    class Booking(ProcessManager):
        @on(OrderPlaced)
        def placed(self, event, meta, send):
            send(Reserve(event.run, order=meta.aggregate))
            send.at(meta.time_ns + 30 * MINUTE_NS, ExpireOrder(meta.aggregate))

        @refused(Reserve)
        def not_reserved(self, command, refusal, send):
            send(RejectOrder(command.order, reason=refusal.code))

A process manager changes nothing itself. What it sends has an id derived from the event, so that an event
handled twice sends the same commands, which take effect once. What it must remember it keeps in `state`,
a `Table`, saved in one transaction with its position, its timers and what it has yet to send.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from engine.base.errors import ConfigError
from engine.model.handlers import Handler, expect_message, handlers_of, in_written_order, wanted
from engine.model.messages import Command, Event, wire_tag

F = TypeVar("F", bound=Callable[..., Any])
OFFERED = ("meta", "send", "state")
OFFERED_TO_REFUSED = ("send", "state")
MINUTE_NS = 60_000_000_000


class ProcessManager:
    """Base of all process managers. One object for all events: keep nothing in attributes.

    `class Booking(ProcessManager, name="booking")` gives the name under which an app registers it.
    """

    registered_name: ClassVar[str] = ""

    def __init_subclass__(cls, *, name: str = "", **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.registered_name = name


class Refusal(msgspec.Struct, frozen=True):
    """Why a command that a process manager sent had no effect."""

    outcome: Literal["rejected", "failed"]
    code: str
    message: str = ""


class Send(Protocol):
    """What a handler sends with. Nothing leaves before the handler's whole step is durable."""

    def __call__(self, command: Command) -> None:
        """Sends a command. Its id is replaced by one derived from what is being handled."""

    def at(self, time_ns: int, command: Command, key: str = "") -> None:
        """Sends a command when the clock shows `time_ns`, or as soon as the node runs after that.
        A timer with the same `key` is replaced."""

    def cancel(self, key: str) -> None:
        """Takes a timer back, if it has not fired yet."""


def refused(command: type[Command]) -> Callable[[F], F]:
    """Marks a handler `(self, command, refusal, …)` for a command of this class that came back rejected or
    failed; it may also take `send` and `state`."""

    def mark(method: F) -> F:
        method.__refused__ = command  # type: ignore[attr-defined]
        return method

    return mark


class RefusalHandler(NamedTuple):
    """A method that handles a refusal; `wants` as in `Handler`."""

    attribute: str
    wants: tuple[str, ...]


class ProcessManagerSpec:
    """A registered process manager: its handlers in order, and those for refusals by command class."""

    def __init__(self, name: str, factory: Callable[[], ProcessManager], cls: type[ProcessManager]) -> None:
        self.name, self.factory, self.cls = name, factory, cls
        owner = f"process manager {name}"
        self.handlers: list[Handler] = handlers_of(cls, owner, OFFERED)
        self.refusals: dict[type[Command], RefusalHandler] = {}
        for attribute, method in in_written_order(cls):
            command = getattr(method, "__refused__", None)
            if command is None:
                continue
            expect_message(command, Command, "command", method)
            if command in self.refusals:
                raise ConfigError(f"{owner} has two handlers for refusals of {wire_tag(command)}")
            self.refusals[command] = RefusalHandler(attribute, wanted(method, 2, owner, OFFERED_TO_REFUSED))

    def events(self) -> set[type[Event]]:
        """The event classes that it reads."""
        return {event for handler in self.handlers for event in handler.events}
