"""Handlers of events: which methods of a projection or process manager run for what, and in which order.

For one stream entry: each event in turn goes to its one-event handlers; then come the handlers that asked
for two events of one command together, then those for three. Among equals the lower priority runs first,
then the one that was written first.
"""

import inspect
import typing
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from engine.base.errors import ConfigError
from engine.model.messages import Event, wire_tag

F = TypeVar("F", bound=Callable[..., Any])
MOST_EVENTS = 3


def on(*events: type[Event], priority: int = 0) -> Callable[[F], F]:
    """Marks a handler `(self, event, …)`; for two or three events of one command `(self, first, second, …)`.

    After the events a handler may name, in any order, what else it wants: `meta` (the `Commit` that the
    events belong to), in a projection `view`, in a process manager `send` and `state`.

    The class need not be the one that the aggregate applies: one with the same name and version and only
    the fields that are needed is read faster.
    """

    def mark(method: F) -> F:
        method.__on__ = (events, priority)  # type: ignore[attr-defined]
        return method

    return mark


class Handler(NamedTuple):
    """A method that handles events. `wants`: what it is given behind the events, in this order."""

    events: tuple[type[Event], ...]
    priority: int
    attribute: str
    wants: tuple[str, ...]


def handlers_of(cls: type, owner: str, offered: tuple[str, ...]) -> list[Handler]:
    """The handlers of a class in the order in which they run. ConfigError on one that could not work."""
    found: list[tuple[int, int, int, Handler]] = []
    classes: dict[str, type[Event]] = {}
    for place, (attribute, method) in enumerate(in_written_order(cls)):
        events, priority = getattr(method, "__on__", ((), 0))
        if not hasattr(method, "__on__"):
            continue
        if not 1 <= len(events) <= MOST_EVENTS or len(set(events)) < len(events):
            raise ConfigError(f"{method.__qualname__} must be on one to {MOST_EVENTS} different events")
        for event in events:
            expect_message(event, Event, "event", method)
            other = classes.setdefault(wire_tag(event), event)
            if other is not event:  # a reader makes one object of each stored event
                raise ConfigError(f"{owner} reads {wire_tag(event)} as two classes", one=other, other=event)
        wants = wanted(method, len(events), owner, offered)
        handler = Handler(tuple(events), priority, attribute, wants)
        found.append((len(events), priority, place, handler))
    return [handler for *_, handler in sorted(found, key=lambda entry: entry[:3])]


def in_written_order(cls: type) -> list[tuple[str, Callable[..., Any]]]:
    """(attribute, function) of every method, those of base classes first."""
    seen: dict[str, Callable[..., Any]] = {}
    for base in reversed(cls.__mro__):
        for name in vars(base):
            method = getattr(cls, name, None)
            if inspect.isfunction(method):
                seen[name] = method
    return list(seen.items())


def wanted(method: Callable[..., Any], given: int, owner: str, offered: tuple[str, ...]) -> tuple[str, ...]:
    """The names behind the first `given` parameters. ConfigError if one of them is not on offer."""
    names = list(inspect.signature(method).parameters)[1:]
    rest = tuple(names[given:])
    if len(names) < given or any(name not in offered for name in rest):
        raise ConfigError(
            f"{method.__qualname__} of {owner} must take {given} message{'s' * (given > 1)} "
            f"and then any of: {', '.join(offered)}"
        )
    return rest


def expect_message(message: Any, base: type, kind: str, method: Callable[..., Any]) -> None:
    """ConfigError unless it is a message class of this kind with a wire name."""
    if not (isinstance(message, type) and issubclass(message, base)):
        raise ConfigError(f"{method.__qualname__} is for {message!r}, which is no {kind}")
    try:
        wire_tag(typing.cast(Any, message))
    except TypeError as error:
        raise ConfigError(str(error)) from None
