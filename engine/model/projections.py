"""Projections: views built from events, in order per aggregate, each event taking effect once.

There are two ways to keep a view. The short one: handlers and queries take a `Table`, and the engine saves
it. The fast one, for views that have their own idea of memory: the projection keeps its state in attributes,
and says in `save` what has changed and in `load` how to read it back.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from engine.base.errors import ConfigError
from engine.model.commit import Commit
from engine.model.handlers import Handler, handlers_of, in_written_order
from engine.model.marks import expect_marks
from engine.model.messages import Event
from engine.model.parameters import expect_factory
from engine.model.queries import Query, note_projection, query_of
from engine.model.tables import Layout, Table

OFFERED = (Commit, Table)
LETTERS = ("dead-letters", "dead-letter-retry", "dead-letter-drop")
BUILT_IN = ("positions", "queries", "queries-retry", "lag", "versions", "rebuild", *LETTERS)


class Projection:
    """A view in memory, saved together with its position in one transaction.

    The engine calls `on` methods in position order; at each checkpoint it writes what `save` yields.
    After a restart it calls `load` with everything saved and continues after the saved position.

    `class Listing(Projection, name="notes", version=2)` gives the name and version under which an app
    registers it.
    """

    indexes: ClassVar[tuple[str, ...]] = ()
    """fields of its rows by which its table can be asked: `view.by("author", "ann")`"""
    registered_name: ClassVar[str] = ""
    registered_version: ClassVar[int] = 1

    def __init_subclass__(cls, *, name: str = "", version: int = 1, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.registered_name, cls.registered_version = name, version
        if name:
            note_projection(cls, name)

    def save(self) -> Iterable[tuple[bytes, bytes | None]]:
        """The (key, value) pairs changed since the last call; a value of None deletes the key."""
        return ()

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Loads everything that was saved, in key order, into a fresh object."""


class ProjectionSpec:
    """One registered version of a projection: its handlers in order, its queries by name, and the layout of
    its table. ConfigError for a class that could not work."""

    def __init__(self, name: str, version: int, factory: Callable[[], Projection], cls: type[Projection]):
        self.name, self.version, self.factory, self.cls = name, version, factory, cls
        owner = f"projection {name}"
        expect_marks(cls, "a projection", ("__on__", "__query__"))
        expect_factory(owner, factory)
        self.handlers: list[Handler] = handlers_of(cls, owner, OFFERED)
        self.queries: dict[str, Query] = {}
        for attribute, method in in_written_order(cls):
            question = getattr(method, "__query__", None)
            if question is None:
                continue
            if question in BUILT_IN:
                raise ConfigError(f"{owner}: every view answers the query {question} already")
            if question in self.queries:
                raise ConfigError(f"{owner} has two queries named {question}")
            self.queries[question] = query_of(attribute, method)
        self.uses_view = any(Table in handler.wants for handler in self.handlers) or any(
            question.wants_view for question in self.queries.values()
        )
        if self.uses_view and (cls.save is not Projection.save or cls.load is not Projection.load):
            text = f"{owner} has a Table, which the engine saves, and a save or load of its own"
            raise ConfigError(f"{text}: keep one of the two")
        rows = [row for handler in self.handlers for row in handler.rows]
        rows += [row for question in self.queries.values() for row in question.rows]
        self.layout = Layout.of(owner, rows, cls.indexes)
        note_projection(cls, name)

    def events(self) -> set[type[Event]]:
        """The event classes that it reads."""
        return {event for handler in self.handlers for event in handler.events}
