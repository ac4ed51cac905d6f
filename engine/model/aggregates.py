"""Aggregates: decide, then apply.

A command handler is a pure function of state, command and, if it asks for it, stamp: it returns events or a
rejection and changes nothing. Only an `applies` method changes state. So a failed command leaves nothing
behind, and replaying events through `applies` gives exactly the state that the live node had.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, TypeVar, get_args

from engine.model.declared import expect_declaration
from engine.model.handlers import expect_message, in_written_order
from engine.model.marks import expect_marks, expect_named, mark, wrong
from engine.model.messages import ApplicationMessage, Command, Event
from engine.model.parameters import match_messages, match_offers, parameters_of
from engine.model.stamp import Stamp
from engine.model.state import OWN, attributes

Exists = Literal["must", "must-not", "may"]
F = TypeVar("F", bound=Callable[..., Any])


class Aggregate:
    """The base of all aggregates. `version` counts stored stream entries; 0: nothing is stored yet."""

    __slots__ = ("id", "key", "version")

    id: str
    version: int
    key: str

    def __init__(self, id: str) -> None:
        self.id = id
        self.version = 0
        self.key = ""  # the engine's index key, in hex

    def save_state(self) -> Any:
        """The state besides what the engine keeps, for snapshots and comparisons.

        By default all attributes. Override both methods where that would be large: the value may be of any
        types that `pickle` takes; it is taken while nothing changes, and belongs to the caller.
        """
        return {name: value for name, value in attributes(self).items() if name not in OWN}

    def load_state(self, state: Any) -> None:
        """Sets what `save_state` gave, on a new object."""
        for name, value in state.items():
            setattr(self, name, value)


def handles(command: type[Command], *, exists: Exists = "must") -> Callable[[F], F]:
    """Marks the method that decides a command (exact type, never a subclass): `(self, command)`, or
    `(self, command, stamp)` where `stamp` is annotated as a `Stamp`.

    `exists`: "must" (default): an unknown aggregate is answered `failed(aggregate-unknown)`;
    "must-not": an aggregate that has events is answered `rejected(already-exists)`; "may": always asked.
    """
    expect_named("handles", command)

    def marked(method: F) -> F:
        mark(method, "__handles__", (command, exists))
        return method

    return marked


def applies(event: type[Event]) -> Callable[[F], F]:
    """Marks the method `(self, event)` that changes state for an event: the only place that may."""
    expect_named("applies", event)

    def marked(method: F) -> F:
        mark(method, "__applies__", event)
        return method

    return marked


class CommandHandler(NamedTuple):
    """How commands of one class are decided: by `method` of the aggregates of `cls`, which exist or not as
    `exists` says. `stamped`: the method takes a stamp after the command."""

    cls: type[Aggregate]
    method: Callable[..., Any]
    exists: Exists
    stamped: bool

    def decide(self, aggregate: Aggregate, command: Command, stamp: Stamp) -> Any:
        """What the aggregate decides. (The core calls the method itself, without this detour.)"""
        return self.method(aggregate, command, stamp) if self.stamped else self.method(aggregate, command)


def command_handlers_of(cls: type[Aggregate]) -> Iterator[tuple[type[Command], CommandHandler]]:
    """Every command that a class decides. ConfigError on a method that could not work."""
    expect_marks(cls, "an aggregate", ("__handles__", "__applies__"))
    for _, method in in_written_order(cls):
        if not hasattr(method, "__handles__"):
            continue
        command, exists = method.__handles__
        expect_message(command, Command, "a command", method)
        if exists not in get_args(Exists):
            known = ", ".join(get_args(Exists))
            raise wrong(method, f'handles with exists="{exists}", which is none of {known}')
        parameters = parameters_of(method)
        match_messages(method, parameters, [command])
        wants = match_offers(method, parameters[1:], [Stamp])
        expect_declaration(command, method)
        yield command, CommandHandler(cls, method, exists, bool(wants))


def appliers_of(cls: type[Aggregate]) -> Iterator[tuple[type[Event], Callable[[Any, Any], None]]]:
    """Every event that a class applies, and how. ConfigError on a method that could not work."""
    for _, method in in_written_order(cls):
        if not hasattr(method, "__applies__"):
            continue
        event = method.__applies__
        expect_message(event, Event, "an event", method)
        if issubclass(event, ApplicationMessage):
            raise wrong(method, "applies an application message, which changes no state")
        parameters = parameters_of(method)
        match_messages(method, parameters, [event])
        match_offers(method, parameters[1:], [])
        yield event, method


def expect_constructor(cls: type[Aggregate]) -> None:
    """ConfigError unless the engine can make an object of the class: from its id alone, with what
    `Aggregate.__init__` sets."""
    constructor = cls.__init__
    if constructor is Aggregate.__init__:
        return
    try:
        inspect.signature(cls).bind("id")
    except TypeError:
        raise wrong(constructor, "must take the id of the aggregate and nothing else") from None
    try:
        made = cls("id")
    except Exception:  # of an id of another form, perhaps; a command will tell
        return
    if any(not hasattr(made, name) for name in OWN):
        raise wrong(constructor, "does not call super().__init__(id)")
