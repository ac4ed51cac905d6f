"""Tables: typed rows, pages, a secondary key; and all of it as a dictionary would have it."""

from itertools import islice
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Table


class Row(msgspec.Struct):
    author: str
    size: int = 0


class Tagged(msgspec.Struct):
    tags: list[str]


def filled(*keys: str) -> Table[Row]:
    table: Table[Row] = Table(Row, ("author",))
    for key in keys:
        table[key] = Row(author=key[0])
    return table


def keys(rows: Any) -> list[str]:
    return [key for key, _ in rows]


def test_rows_come_back_as_their_type() -> None:
    table = filled("ann")
    assert table["ann"] == Row("a")
    assert table.get("bob") is None
    assert list(table.items()) == [("ann", Row("a"))]


def test_a_bare_table_holds_what_json_holds() -> None:
    table: Table = Table()
    table["a"] = (1, {"x": None})
    assert table["a"] == [1, {"x": None}]


def test_a_row_that_was_read_is_a_copy() -> None:
    table = filled("ann")
    table["ann"].size = 7
    assert table["ann"].size == 0


@pytest.mark.parametrize("wrong", [{"author": 7}, Row(author=7), "ann", None])  # type: ignore[arg-type]
def test_what_is_no_row_is_refused_when_it_is_assigned(wrong: Any) -> None:
    table = filled("ann")
    with pytest.raises(TypeError, match="this is not a row of the table"):
        table["bob"] = wrong
    assert list(table) == ["ann"]
    assert dict(table.changes()) == {b"ann": b'{"author":"a","size":0}'}


def test_an_index_needs_values_that_can_be_looked_up() -> None:
    table: Table[Tagged] = Table(Tagged, ("tags",))
    with pytest.raises(TypeError, match="unhashable"):
        table["a"] = Tagged(["x"])
    assert len(table) == 0


def test_rows_saved_in_another_form_say_what_to_do() -> None:
    table: Table[Row] = Table(Row)
    table.load([(b"ann", b'{"name":"ann"}')])
    with pytest.raises(TypeError, match=r"the row ann was saved in another form: .*give the projection a"):
        table["ann"]


def test_pages_follow_each_other() -> None:
    table = filled("b1", "a1", "a3", "a2", "c1")
    assert keys(table.rows()) == ["a1", "a2", "a3", "b1", "c1"]
    assert keys(table.rows(limit=2)) == ["a1", "a2"]
    assert keys(table.rows(after="a2", limit=2)) == ["a3", "b1"]
    assert keys(table.rows(reverse=True, limit=2)) == ["c1", "b1"]
    assert keys(table.rows(reverse=True, after="b1", limit=2)) == ["a3", "a2"]
    assert keys(table.rows("a", after="a1")) == ["a2", "a3"]
    assert keys(table.rows("a", after="a0", limit=1)) == ["a1"]
    assert keys(table.rows("b", after="a1")) == ["b1"]
    assert keys(table.rows("a", reverse=True, after="b")) == ["a3", "a2", "a1"]
    assert keys(table.rows("z")) == []
    assert keys(table.rows(limit=0)) == []
    with pytest.raises(ValueError, match="a limit is 0 or more"):
        table.rows(limit=-1)


def test_a_secondary_key_has_pages_too() -> None:
    table = filled("a1", "a2", "a3", "b1")
    assert keys(table.by("author", "a")) == ["a1", "a2", "a3"]
    assert keys(table.by("author", "a", after="a1", limit=1)) == ["a2"]
    assert keys(table.by("author", "a", reverse=True, limit=1)) == ["a3"]
    assert keys(table.by("author", "z")) == []
    with pytest.raises(KeyError, match="size is not an index; the class of this table declares: author"):
        table.by("size", 0)


def test_a_page_is_of_the_moment_when_it_was_asked_for() -> None:
    table = filled("a1", "a2", "a3")
    page = table.rows()
    del table["a2"]
    table["a4"] = Row("a")
    assert keys(page) == ["a1", "a3"]


TEXT = st.text("ab\u4e2d\U0001f600", min_size=1, max_size=3)
STEP = st.one_of(
    st.tuples(st.just("set"), TEXT, st.sampled_from("xyz")),
    st.tuples(st.just("del"), TEXT, st.just("")),
    st.tuples(st.sampled_from(["mark", "undo", "load", "ask"]), st.just(""), st.just("")),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=40), TEXT, st.integers(0, 4), st.booleans())
def test_a_table_is_a_sorted_dictionary_under_undo_saving_and_loading(
    steps: list[tuple[str, str, str]], bound: str, limit: int, reverse: bool
) -> None:
    table: Table[Row] = Table(Row, ("author",))
    naive: dict[str, str] = {}
    marked: dict[str, str] = {}
    stored: dict[bytes, bytes] = {}
    for what, key, author in steps:
        if what == "set":
            table[key] = Row(author)
            naive[key] = author
        elif what == "del":
            assert (table.pop(key, None) is None) == (naive.pop(key, None) is None)
        elif what == "mark":
            table.mark()
            marked = dict(naive)
        elif what == "undo":
            table.undo()
            naive = dict(marked)
        elif what == "load":
            for name, body in table.changes():
                stored.pop(name, None) if body is None else stored.update({name: body})
            table.load(sorted(stored.items()))
            marked = dict(naive)
        else:  # both orders are made now, and kept from here on
            list(islice(table.rows("a"), 1))
            list(islice(table.by("author", "x"), 1))
        if what in ("set", "del") and len(table) % 3 == 0:
            assert len(table) == len(naive)
    assert {key: row.author for key, row in table.items()} == naive
    order = sorted(naive, reverse=reverse)
    later = [key for key in order if (key < bound if reverse else key > bound)]
    assert keys(table.rows(after=bound, limit=limit, reverse=reverse)) == later[:limit]
    assert keys(table.rows(bound, reverse=reverse)) == [key for key in order if key.startswith(bound)]
    for author in "xyz":
        mine = [key for key in order if naive[key] == author]
        assert keys(table.by("author", author, reverse=reverse)) == mine
        page = table.by("author", author, after=bound, reverse=reverse)
        assert keys(page) == [key for key in mine if key in later]
