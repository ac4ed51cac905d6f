"""Aggregates: decide, then apply.

A command handler is a pure function of state, command and, if it asks for it, stamp: it returns events or a
rejection and changes nothing. Only an `applies` method changes state. So a failed command leaves nothing
behind, and replaying events through `applies` gives exactly the state that the live node had.
"""

import inspect
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Any, Literal, NamedTuple, NoReturn, TypeVar, get_args

from engine.base.errors import ConfigError
from engine.model.declared import expect_declaration
from engine.model.handlers import expect_message, in_written_order
from engine.model.marks import expect_marks, expect_named, mark, place_of_class, wrong
from engine.model.messages import ApplicationMessage, Command, Event
from engine.model.parameters import match_messages, match_offers, parameters_of
from engine.model.stamp import Stamp
from engine.model.state import OWN, attributes

Exists = Literal["must", "must-not", "may"]
F = TypeVar("F", bound=Callable[..., Any])

KEPT = ("id", "version")  # what an application reads of an aggregate and never sets
IS_KEPT = "is a name that the engine keeps for every aggregate: choose another one"


class Aggregate:
    """The base of all aggregates.

    What the engine keeps of one it keeps in slots of its own, so that no attribute of an application can be
    in their place: `engine_id`, `engine_version` and `engine_key`, the key of its indexes in hex.
    """

    __slots__ = OWN

    engine_id: str
    engine_version: int
    engine_key: str

    def __init__(self, id: str) -> None:
        self.engine_id = id
        self.engine_version = 0
        self.engine_key = ""

    @property
    def id(self) -> str:
        """The name under which commands find it."""
        return self.engine_id

    @id.setter
    def id(self, _: object) -> NoReturn:
        raise _kept("id", self)

    @property
    def version(self) -> int:
        """The number of stored stream entries; 0: nothing is stored yet."""
        return self.engine_version

    @version.setter
    def version(self, _: object) -> NoReturn:
        raise _kept("version", self)

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


def _kept(name: str, aggregate: Aggregate) -> AttributeError:
    return AttributeError(f"{type(aggregate).__qualname__}.{name} {IS_KEPT}", name=name, obj=aggregate)


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
    `Aggregate.__init__` sets, and with nothing of the application under the engine's names."""
    for own in takewhile(lambda one: one is not Aggregate, cls.__mro__):
        for name in (*KEPT, *OWN):
            if name in vars(own) or name in inspect.get_annotations(own):
                raise ConfigError(f"{own.__qualname__}.{name} {IS_KEPT}", at=place_of_class(own))
    constructor = cls.__init__
    if constructor is Aggregate.__init__:
        return
    try:
        inspect.signature(cls).bind("id")
    except TypeError:
        raise wrong(constructor, "must take the id of the aggregate and nothing else") from None
    try:
        made = cls("id")
    except AttributeError as error:
        if error.name in KEPT and isinstance(error.obj, cls):
            raise wrong(constructor, f"sets {error.name}, which {IS_KEPT}") from None
        return
    except Exception:  # of an id of another form, perhaps; a command will tell
        return
    if any(not hasattr(made, name) for name in OWN):
        raise wrong(constructor, "does not call super().__init__(id)")
