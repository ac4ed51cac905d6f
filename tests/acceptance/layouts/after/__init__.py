"""How it is: a package, other names in Python, the same names on the wire. And ways to get it wrong."""

from collections.abc import Mapping
from typing import Any

from engine import (
    Aggregate,
    Command,
    Engine,
    Event,
    Projection,
    Table,
    applies,
    handles,
    on,
    query,
)
from tests.acceptance.layouts.after.facts import Told
from tests.acceptance.layouts.after.page import Page


class Words(Event, name="note.created", version=3):
    """What the view reads of it."""

    words: int


class Length(Projection):
    @on(Words)
    def opened(self, event: Words, view: Table) -> None:
        view["words"] = view.get("words", 0) + event.words

    @query
    def words(self, view: Table) -> int:
        return int(view.get("words", 0))


def create(settings: Mapping[str, str]) -> Engine:
    app = Engine("layouts")
    app.aggregate(Page)
    app.message(Told)
    app.projection("length", version=1)(Length)
    app.upcaster("note.created", 1, 2)(headline)
    app.upcaster("note.created", 2, 3)(count)
    app.upcaster("note.told", 1, 2)(lambda old: {"text": old["words"]})
    return app


def headline(old: dict[str, Any]) -> dict[str, Any]:
    return {"headline": old["title"]}


def count(old: dict[str, Any]) -> dict[str, Any]:
    return {**old, "words": len(old["headline"].split())}


def with_a_broken_chain(settings: Mapping[str, str]) -> Engine:
    app = create(settings)
    del app.upcasters["note.created", 2]
    return app


def without_an_upcaster(settings: Mapping[str, str]) -> Engine:
    app = create(settings)
    app.upcasters.clear()
    return app


class Start(Command, name="note.start"):
    pass


class Started(Event, name="note.started"):
    pass


class Stranger(Aggregate):
    @handles(Start, exists="may")
    def start(self, command: Start) -> Started:
        return Started()

    @applies(Started)
    def started(self, event: Started) -> None: ...


def of_another_mind(settings: Mapping[str, str]) -> Engine:
    """The same name, and none of the events."""
    app = Engine("layouts")
    app.aggregate(Stranger)
    return app
