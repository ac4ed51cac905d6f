"""Process managers: what happens across aggregates. Events in; commands and timers out.

    @app.process_manager("booking")
    class Booking(ProcessManager):
        @on(OrderPlaced)
        def placed(self, event: OrderPlaced, commit: Commit, send: Send) -> None:
            send(Reserve(event.run, order=commit.aggregate))
            send.after(timedelta(minutes=30), ExpireOrder(commit.aggregate), key=commit.aggregate)

        @refused(Reserve)
        def not_reserved(self, command: Reserve, refusal: Refusal, send: Send) -> None:
            send(RejectOrder(command.order, reason=refusal.code))

A process manager changes nothing itself. What it sends has an id derived from the event, so that an event
handled twice sends the same commands, which take effect once. What it must remember it keeps in its state,
a `Table`, saved in one transaction with its position, its timers and what it has yet to send.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from engine.base.errors import ConfigError
from engine.model.commit import Commit
from engine.model.handlers import Handler, expect_message, handlers_of, in_written_order
from engine.model.marks import expect_marks, expect_named, mark
from engine.model.messages import Command, Event, wire_tag
from engine.model.parameters import expect_factory, match_messages, match_offers, parameters_of, row_types
from engine.model.tables import Layout, Table

F = TypeVar("F", bound=Callable[..., Any])


class ProcessManager:
    """Base of all process managers. One object for all events: keep nothing in attributes.

    `class Booking(ProcessManager, name="booking")` gives the name under which an app registers it.
    """

    indexes: ClassVar[tuple[str, ...]] = ()
    """fields of the rows of its state by which it can be asked: `state.by("order", "o-7")`"""
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

    def after(self, delay: timedelta, command: Command, key: str = "") -> None:
        """Sets a timer: sends a command so long after what is being handled, an event or a command that was
        refused, was accepted. A timer with the same `key` is replaced."""

    def at(self, time: datetime, command: Command, key: str = "") -> None:
        """Sets a timer: sends a command when the clock shows `time`, which must be aware, or as soon as the
        node runs after that. A timer with the same `key` is replaced."""

    def cancel(self, key: str) -> None:
        """Takes a timer back, if it has not fired yet."""


OFFERED = (Commit, Send, Table)
OFFERED_TO_REFUSED = (Refusal, Send, Table)


def refused(command: type[Command]) -> Callable[[F], F]:
    """Marks a handler `(self, command, …)` for a command of this class that came back rejected or failed.
    After the command it may take, in any order and found by annotation, `Refusal`, `Send` and a `Table`."""
    expect_named("refused", command)

    def marked(method: F) -> F:
        mark(method, "__refused__", command)
        return method

    return marked


class RefusalHandler(NamedTuple):
    """A method that handles a refusal; `wants` and `rows` as in `Handler`."""

    attribute: str
    wants: tuple[type, ...]
    rows: tuple[Any, ...] = ()


class ProcessManagerSpec:
    """A registered process manager: its handlers in order, those for refusals by command class, and the
    layout of its state. ConfigError for a class that could not work."""

    def __init__(self, name: str, factory: Callable[[], ProcessManager], cls: type[ProcessManager]) -> None:
        self.name, self.factory, self.cls = name, factory, cls
        owner = f"process manager {name}"
        expect_marks(cls, "a process manager", ("__on__", "__refused__"))
        expect_factory(owner, factory)
        self.handlers: list[Handler] = handlers_of(cls, owner, OFFERED)
        self.refusals: dict[type[Command], RefusalHandler] = {}
        for attribute, method in in_written_order(cls):
            command = getattr(method, "__refused__", None)
            if command is None:
                continue
            expect_message(command, Command, "a command", method)
            if command in self.refusals:
                raise ConfigError(f"{owner} has two handlers for refusals of {wire_tag(command)}")
            parameters = parameters_of(method)
            match_messages(method, parameters, [command])
            wants = match_offers(method, parameters[1:], OFFERED_TO_REFUSED)
            self.refusals[command] = RefusalHandler(attribute, wants, tuple(row_types(parameters[1:])))
        rows = [row for handler in self.handlers for row in handler.rows]
        rows += [row for handler in self.refusals.values() for row in handler.rows]
        self.layout = Layout.of(owner, rows, cls.indexes)

    def events(self) -> set[type[Event]]:
        """The event classes that it reads."""
        return {event for handler in self.handlers for event in handler.events}
