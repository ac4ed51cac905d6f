"""What a type checker knows of an application. `mypy --strict` holds each `assert_type`; here they run."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

import msgspec

from engine import (
    Aggregate,
    Command,
    Commit,
    Decided,
    Engine,
    Event,
    ProcessManager,
    Projection,
    Refusal,
    Rejection,
    Send,
    Stamp,
    Table,
    applies,
    handles,
    on,
    query,
    refused,
    reject,
)

app = Engine("typed")


class Take(Command, name="stock.take", version=2, rejects=("sold-out",), result=int):
    count: int
    why: str = ""


class Remind(Command, name="stock.remind"): ...


class Taken(Event, name="stock.taken"):
    count: int


class Row(msgspec.Struct):
    left: int


@app.aggregate
class Stock(Aggregate):
    left = 100

    @handles(Take, exists="may")
    def take(self, command: Take, stamp: Stamp) -> Decided | Rejection:
        if command.count > self.left:
            return reject("sold-out", f"at {stamp.now:%H:%M}")
        return Decided(Taken(command.count), result=self.left)

    @handles(Remind)
    def remind(self, command: Remind) -> None:
        return None

    @applies(Taken)
    def _taken(self, event: Taken) -> None:
        self.left -= event.count


@app.projection("shelf")
class Shelf(Projection):
    indexes = ("left",)

    @on(Taken)
    def taken(self, event: Taken, view: Table[Row], commit: Commit) -> None:
        view[commit.aggregate] = Row(event.count)

    @query
    def row(self, view: Table[Row], article: str) -> Row | None:
        return view.get(article)

    @query("with-left")
    def with_left(self, view: Table[Row], left: int, *, limit: int = 20) -> list[str]:
        return [key for key, _ in view.by("left", left, limit=limit)]


@app.process_manager("reminder")
class Reminder(ProcessManager):
    @on(Taken)
    def taken(self, event: Taken, send: Send, commit: Commit, state: Table[int]) -> None:
        state[commit.aggregate] = event.count
        send.after(timedelta(minutes=30), Remind(commit.aggregate), key=commit.aggregate)
        send.at(datetime(2026, 1, 1, tzinfo=UTC), Remind(commit.aggregate))

    @refused(Remind)
    def not_reminded(self, command: Remind, refusal: Refusal, send: Send) -> None:
        send.cancel(command.aggregate)


def test_an_application_that_type_checks_is_one_that_starts() -> None:
    app.check()


def test_decorators_keep_the_types_of_what_they_mark() -> None:
    table: Table[Row] = Table(Row)
    assert_type(Stock("a"), Stock)
    assert_type(Stock("a").take(Take("a", count=1), Stamp(1, 1)), Decided | Rejection)
    assert_type(Shelf().row(table, "a"), Row | None)
    assert_type(Shelf().with_left(Table(Row, ("left",)), 7, limit=1), list[str])
    assert_type(Stamp(1, 1).now, datetime)
    assert_type(Commit("a", 1, "", 1, 1, []).time, datetime)


def test_rows_have_the_type_that_the_annotation_names() -> None:
    table: Table[Row] = Table(Row)
    table["a"] = Row(1)
    assert_type(table["a"], Row)
    assert_type(table.get("b"), Row | None)
    assert_type(table.rows(after="a", limit=1), Iterator[tuple[str, Row]])
    assert_type(table.pop("a"), Row)
    bare: Table = Table()
    bare["a"] = {"any": ["thing"]}
    assert_type(bare["a"], Any)
