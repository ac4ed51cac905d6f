"""A query that is named by its method: view, arguments and answer are those of the method."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_type

import msgspec
import pytest

from engine import AsyncClient, Client, Projection, Receipt, Table, query
from tests.unit.engine.client.stub import Add, Desk, Stub

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Row(msgspec.Struct):
    """What the view shows of a note."""

    title: str
    due: datetime | None = None


class Which(msgspec.Struct):
    """Arguments that have a struct of their own."""

    note: str


class Listing(Projection, name="notes"):
    """A view that the engine keeps."""

    @query
    def note(self, view: Table[Row], note: str) -> Row | None:
        raise NotImplementedError

    @query("by-day")
    def by_day(self, view: Table[Row], day: datetime, limit: int = 20) -> list[Row]:
        raise NotImplementedError

    @query
    def which(self, view: Table[Row], request: Which) -> Row | None:
        raise NotImplementedError

    @query
    def everything(self, view: Table[Row]) -> dict[str, Row]:
        raise NotImplementedError


class Counter(Projection, name="counts"):
    """A view that keeps itself."""

    @query
    def count(self, author: str) -> int:
        raise NotImplementedError


class Unlisted(Projection):
    """A view of which nothing says under what name it is registered."""

    @query
    def note(self, view: Table[Row], note: str) -> Row | None:
        raise NotImplementedError


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path, lambda request: {"answer": None}) as desk:
        yield desk


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Stub]:
    with Stub(tmp_path) as node:
        yield node


@pytest.fixture
def endpoints(node: Stub, desk: Desk) -> dict[str, Any]:
    return {"commands": node.endpoint, "queries": dict.fromkeys(("notes", "counts"), desk.endpoint)}


@pytest.fixture
def client(endpoints: dict[str, Any]) -> Iterator[Client]:
    with Client(endpoints) as client:
        yield client


def asked(desk: Desk) -> list[tuple[str, Any]]:
    return [(request["query"], request.get("args", {})) for (request,) in desk.frames]


def test_the_answer_is_of_the_type_that_the_method_returns(client: Client, desk: Desk) -> None:
    desk.answer = lambda request: {"answer": {"title": "Tea", "due": "2026-11-23T12:00:00Z"}}
    row = client.query(Listing.note, note="note-1")
    assert_type(row, Row | None)
    assert row == Row("Tea", NOON)
    assert asked(desk) == [("note", {"note": "note-1"})]


def test_arguments_may_be_positional_or_named_and_defaults_stay_the_nodes(client: Client, desk: Desk) -> None:
    desk.answer = lambda request: {"answer": []}
    rows = client.query(Listing.by_day, NOON, limit=3)
    assert_type(rows, list[Row])
    client.query(Listing.by_day, day=NOON)
    day = "2026-11-23T12:00:00Z"
    assert asked(desk) == [("by-day", {"day": day, "limit": 3}), ("by-day", {"day": day})]


def test_a_query_without_arguments_and_one_with_a_struct_are_asked_alike(client: Client, desk: Desk) -> None:
    desk.answer = lambda request: {"answer": {} if request["query"] == "everything" else None}
    assert_type(client.query(Listing.everything), dict[str, Row])
    assert_type(client.query(Listing.which, Which("n")), Row | None)
    client.query(Listing.which, request=Which("m"))
    assert asked(desk) == [("everything", {}), ("which", {"note": "n"}), ("which", {"note": "m"})]


def test_a_view_that_keeps_itself_is_asked_the_same_way(client: Client, desk: Desk) -> None:
    desk.answer = lambda request: {"answer": 7}
    count = client.query(Counter.count, author="ann")
    assert_type(count, int)
    assert count == 7


def test_what_the_answer_must_contain_is_said_beside_the_arguments(client: Client, desk: Desk) -> None:
    receipt = client.send(Add("a", number=41))
    row = client.query(Listing.note, note="n", at_least=receipt, timeout_s=2.0)
    assert_type(row, Row | None)
    ((request,),) = desk.frames
    assert (request["args"], request["at_least"], request["timeout_ms"]) == ({"note": "n"}, [0, 42], 2000)


def test_until_tests_the_typed_answer(client: Client, desk: Desk) -> None:
    titles = iter(["Tea", "Coffee"])
    desk.answer = lambda request: {"answer": {"title": next(titles)}}
    row = client.until(Listing.note, note="n", predicate=lambda row: row is not None and row.title > "D")
    assert_type(row, Row | None)
    assert row == Row("Tea")


def test_the_async_client_is_asked_the_same_way(endpoints: dict[str, Any], desk: Desk) -> None:
    desk.answer = lambda request: {"answer": {"title": "Tea"}}

    async def story() -> list[Row | None]:
        async with AsyncClient(endpoints) as client:
            first = await client.query(Listing.note, note="n")
            assert_type(first, Row | None)
            at = Receipt("committed", "1", position=1)
            return [
                first,
                await client.query(Listing.note, "n", at_least=at),
                await client.until(Listing.note, "n", at_least=at),
            ]

    assert asyncio.run(story()) == [Row("Tea")] * 3


@pytest.mark.parametrize(
    ("args", "named", "text"),
    [
        ((), {}, "Listing.note: .*missing required field `note`"),
        ((), {"note": 7}, "Listing.note: Expected `str`, got `int`"),
        ((), {"noet": "n"}, "Listing.note has no argument noet; it takes note"),
        (("n",), {"note": "n"}, "Listing.note was given note twice"),
        (("n", "m"), {}, "Listing.note takes 1 arguments, 2 were given"),
        (({1, 2},), {}, "Listing.note: Expected `str`, got `array`"),
        ((object(),), {}, "Listing.note: .*unsupported"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    client: Client, desk: Desk, args: tuple[Any, ...], named: dict[str, Any], text: str
) -> None:
    ask: Any = client.query
    with pytest.raises(TypeError, match=text):
        ask(Listing.note, *args, **named)
    assert desk.frames == []


def test_a_struct_must_be_the_one_that_the_method_takes(client: Client) -> None:
    ask: Any = client.query
    for args in ((), (Which("n"), Which("m"))):
        with pytest.raises(TypeError, match="which takes one argument, a Which"):
            ask(Listing.which, *args)
    with pytest.raises(TypeError, match="missing required field `note`"):
        ask(Listing.which, Row("n"))


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (Unlisted.note, "Unlisted.note is a query of none that is registered"),
        (Projection.save, "is not a query"),
        (7, "7 is neither the name of a view nor a query"),
    ],
)
def test_what_is_no_query_of_a_view_that_is_known_is_refused(client: Client, thing: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        client.query(thing, note="n")
