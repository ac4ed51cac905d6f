"""Projections: views built from events, in order per aggregate, each event taking effect once."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from engine.model.messages import Event

F = TypeVar("F", bound=Callable[..., Any])


class Projection:
    """A view in memory, saved together with its position in one transaction.

    The engine calls `on` methods in position order; at each checkpoint it writes what `save` yields.
    After a restart it calls `load` with everything saved and continues behind the saved position.
    """

    def save(self) -> Iterable[tuple[bytes, bytes | None]]:
        """The (key, value) pairs changed since the last call; a value of None deletes the key."""
        return ()

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Takes in everything saved, in key order."""


def on(event: type[Event]) -> Callable[[F], F]:
    """Marks a handler `(self, event, meta)`; `meta` is the `Commit` that the event belongs to.

    The class need not be the one that the aggregate applies: one with the same name and version and only
    the fields that the view needs is read faster.
    """

    def mark(method: F) -> F:
        method.__on__ = event  # type: ignore[attr-defined]
        return method

    return mark


def query(name: str) -> Callable[[F], F]:
    """Marks a method `(self, request)` that answers a query; the annotation of `request` is its type."""

    def mark(method: F) -> F:
        method.__query__ = name  # type: ignore[attr-defined]
        return method

    return mark


class NoArguments(msgspec.Struct, forbid_unknown_fields=True):
    """The request of a query that asks for nothing in particular."""
