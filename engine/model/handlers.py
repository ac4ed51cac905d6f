"""Handlers of events: which methods of a projection or process manager run for what, and in which order.

For one stream entry: each event in turn goes to its one-event handlers; then come the handlers that asked
for two events of one command together, then those for three. Among equals the lower priority runs first,
then the one that was written first.
"""

import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from engine.base.errors import ConfigError
from engine.model.marks import expect_named, mark, wrong
from engine.model.messages import Event, wire_tag
from engine.model.parameters import match_messages, match_offers, parameters_of, row_types

F = TypeVar("F", bound=Callable[..., Any])
MOST_EVENTS = 3


def on(*events: type[Event], priority: int = 0) -> Callable[[F], F]:
    """Marks a handler `(self, event, …)`; for two or three events of one command `(self, first, second, …)`.

    After the events a handler may take, in any order and found by annotation: the `Commit` that the events
    belong to; a `Table`, which is the view of a projection or the state of a process manager; in a process
    manager `Send`.

    The class need not be the one that the aggregate applies: one with the same name and version and only
    the fields that are needed is read faster.
    """
    expect_named("on", *events)

    def marked(method: F) -> F:
        mark(method, "__on__", (events, priority))
        return method

    return marked


class Handler(NamedTuple):
    """A method that handles events.

    `wants`: the classes of what it is given after the events, in this order. `rows`: the row types that its
    annotations give a table.
    """

    events: tuple[type[Event], ...]
    priority: int
    attribute: str
    wants: tuple[type, ...]
    rows: tuple[Any, ...] = ()


def handlers_of(cls: type, owner: str, offered: Sequence[type]) -> list[Handler]:
    """The handlers of a class in the order in which they run. ConfigError on one that could not work."""
    ranked: list[tuple[int, int, int, Handler]] = []
    classes: dict[str, type[Event]] = {}
    for rank, (attribute, method) in enumerate(in_written_order(cls)):
        if not hasattr(method, "__on__"):
            continue
        events, priority = method.__on__
        if not 1 <= len(events) <= MOST_EVENTS or len(set(events)) < len(events):
            raise wrong(method, f"must be on one to {MOST_EVENTS} different events")
        for event in events:
            expect_message(event, Event, "an event", method)
            other = classes.setdefault(wire_tag(event), event)
            if other is not event:  # a reader makes one object of each stored event
                raise ConfigError(f"{owner} reads {wire_tag(event)} as two classes", one=other, other=event)
        parameters = parameters_of(method)
        match_messages(method, parameters, events)
        rest = parameters[len(events) :]
        wants = match_offers(method, rest, offered)
        handler = Handler(tuple(events), priority, attribute, wants, tuple(row_types(rest)))
        ranked.append((len(events), priority, rank, handler))
    return [handler for *_, handler in sorted(ranked, key=lambda entry: entry[:3])]


def in_written_order(cls: type) -> list[tuple[str, Callable[..., Any]]]:
    """(attribute, function) of every method, those of base classes first."""
    seen: dict[str, Callable[..., Any]] = {}
    for base in reversed(cls.__mro__):
        for name in vars(base):
            method = getattr(cls, name, None)
            if inspect.isfunction(method):
                seen[name] = method
    return list(seen.items())


def expect_message(message: Any, base: type, kind: str, method: Callable[..., Any]) -> None:
    """ConfigError unless it is a message class of this kind (as in "an event") with a wire name."""
    if not (isinstance(message, type) and issubclass(message, base)):
        name = message.__name__ if isinstance(message, type) else repr(message)
        raise wrong(method, f"is marked for {name}, which is not {kind}: class X({base.__name__}, name=…)")
    try:
        wire_tag(typing.cast(Any, message))
    except TypeError as error:
        raise wrong(method, f"is marked for a class without a name: {error}") from None
