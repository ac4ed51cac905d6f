"""Projections: views built from events, in order per aggregate, each event taking effect once.

There are two ways to keep a view. The short one: handlers and queries take a parameter `view`, a `Table`,
and the engine saves it. The fast one, for views that have their own idea of memory: the projection keeps
its state in attributes, and says in `save` what has changed and in `load` how to take it in again.
"""

import inspect
import typing
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NamedTuple, TypeVar

import msgspec

from engine.base.errors import ConfigError
from engine.model.handlers import Handler, handlers_of, in_written_order, on
from engine.model.messages import Event

F = TypeVar("F", bound=Callable[..., Any])
OFFERED = ("meta", "view")
LETTERS = ("dead-letters", "dead-letter-retry", "dead-letter-drop")
BUILT_IN = ("positions", "queries", "lag", "versions", "rebuild", *LETTERS)


class Projection:
    """A view in memory, saved together with its position in one transaction.

    The engine calls `on` methods in position order; at each checkpoint it writes what `save` yields.
    After a restart it calls `load` with everything saved and continues after the saved position.

    `class Listing(Projection, name="notes", version=2)` gives the name and version under which an app
    registers it.
    """

    registered_name: ClassVar[str] = ""
    registered_version: ClassVar[int] = 1

    def __init_subclass__(cls, *, name: str = "", version: int = 1, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.registered_name, cls.registered_version = name, version

    def save(self) -> Iterable[tuple[bytes, bytes | None]]:
        """The (key, value) pairs changed since the last call; a value of None deletes the key."""
        return ()

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Takes in everything saved, in key order."""


def query(name: str) -> Callable[[F], F]:
    """Marks a method `(self, request)` or `(self, view, request)` that answers a query; the annotation of
    the request is its type."""

    def mark(method: F) -> F:
        method.__query__ = name  # type: ignore[attr-defined]
        return method

    return mark


class NoArguments(msgspec.Struct, forbid_unknown_fields=True):
    """The request of a query that asks for nothing in particular."""


class Query(NamedTuple):
    """A method that answers. `request`: the type of its argument."""

    attribute: str
    request: Any
    wants_view: bool


class ProjectionSpec:
    """One registered version of a projection: its handlers in order, and its queries by name."""

    def __init__(self, name: str, version: int, factory: Callable[[], Projection], cls: type[Projection]):
        self.name, self.version, self.factory, self.cls = name, version, factory, cls
        self.handlers: list[Handler] = handlers_of(cls, f"projection {name}", OFFERED)
        self.queries: dict[str, Query] = {}
        for attribute, method in in_written_order(cls):
            question = getattr(method, "__query__", None)
            if question is None:
                continue
            if question in BUILT_IN:
                raise ConfigError(f"projection {name}: every view answers the query {question} already")
            if question in self.queries:
                raise ConfigError(f"projection {name} has two queries named {question}")
            self.queries[question] = _query(name, attribute, method)
        self.uses_view = any("view" in handler.wants for handler in self.handlers) or any(
            question.wants_view for question in self.queries.values()
        )

    def events(self) -> set[type[Event]]:
        """The event classes that it reads."""
        return {event for handler in self.handlers for event in handler.events}


def _query(projection: str, attribute: str, method: Callable[..., Any]) -> Query:
    names = list(inspect.signature(method).parameters)[1:]
    hints = typing.get_type_hints(method)
    requests = [name for name in names if name != "view"]
    if len(requests) != 1 or requests[0] not in hints or names not in (requests, ["view", *requests]):
        raise ConfigError(f"query {method.__qualname__} of {projection} needs one annotated request argument")
    return Query(attribute, hints[requests[0]], "view" in names)


__all__ = ["NoArguments", "Projection", "ProjectionSpec", "Query", "on", "query"]
