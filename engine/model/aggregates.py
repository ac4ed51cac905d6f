"""Aggregates: decide, then apply.

A command handler is a pure function of state, command and stamp: it returns events or a rejection
and changes nothing. Only an `applies` method changes state. So a failed command leaves nothing
behind, and replaying events through `applies` gives exactly the state that the live node had.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from engine.base.errors import ConfigError
from engine.model.messages import Command, Event
from engine.model.state import OWN, attributes

Exists = Literal["must", "must-not", "may"]
F = TypeVar("F", bound=Callable[..., Any])


class Aggregate:
    """Base of all aggregates. `version` counts stored stream entries; 0: nothing stored yet."""

    __slots__ = ("id", "key", "version")

    id: str
    version: int
    key: str

    def __init__(self, id: str) -> None:
        self.id = id
        self.version = 0
        self.key = ""  # the engine's index key, in hex

    def save_state(self) -> Any:
        """Everything that it remembers besides what the engine keeps: for snapshots, and to compare.

        By default all attributes. Override both methods where that would be large: the value may be of any
        types that `pickle` takes; it is taken while nothing changes, and belongs to the caller.
        """
        return {name: value for name, value in attributes(self).items() if name not in OWN}

    def load_state(self, state: Any) -> None:
        """Takes in what `save_state` gave, on a fresh object."""
        for name, value in state.items():
            setattr(self, name, value)


def handles(command: type[Command], *, exists: Exists = "must") -> Callable[[F], F]:
    """Marks the method that decides a command (exact type, never a subclass).

    `exists`: "must" (default): an unknown aggregate is answered `failed(aggregate-unknown)`;
    "must-not": an aggregate that has events is answered `rejected(already-exists)`; "may": always asked.
    """

    def mark(method: F) -> F:
        _mark_once(method, "__handles__")
        method.__handles__ = (command, exists)  # type: ignore[attr-defined]
        return method

    return mark


def applies(event: type[Event]) -> Callable[[F], F]:
    """Marks the method that changes state for an event: the only place that may."""

    def mark(method: F) -> F:
        _mark_once(method, "__applies__")
        method.__applies__ = event  # type: ignore[attr-defined]
        return method

    return mark


def _mark_once(method: Callable[..., Any], attribute: str) -> None:
    if hasattr(method, attribute):  # the outer mark would silently win
        raise ConfigError(f"{method.__qualname__} is marked twice", hint="write one method for each message")
