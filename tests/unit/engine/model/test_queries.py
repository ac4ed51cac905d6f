"""Queries by signature: what is asked is checked by it, and what can be asked is described by it."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import pytest

from engine import Commit, Engine, Event, Projection, Table, on, query
from engine.base.errors import ConfigError
from engine.follow.projected import Projected
from engine.model.projections import ProjectionSpec
from engine.model.queries import address_of


class Written(Event, name="written"):
    author: str
    text: str


class NoteRow(msgspec.Struct):
    author: str
    text: str


class Page(msgspec.Struct, forbid_unknown_fields=True):
    after: str = ""
    limit: int = 2


class Notes(Projection, name="notes"):
    indexes = ("author",)

    @on(Written)
    def written(self, event: Written, view: Table[NoteRow], commit: Commit) -> None:
        view[commit.aggregate] = NoteRow(event.author, event.text)

    @query
    def note(self, view: Table[NoteRow], note: str) -> NoteRow | None:
        return view.get(note)

    @query("by-author")
    def by_author(
        self, view: Table[NoteRow], author: str, *, limit: Annotated[int, msgspec.Meta(ge=1)] = 20
    ) -> list[str]:
        return [key for key, _ in view.by("author", author, limit=limit)]

    @query
    def page(self, view: Table[NoteRow], request: Page) -> list[str]:
        return [key for key, _ in view.rows(after=request.after, limit=request.limit)]

    @query
    def count(self, view: Table[NoteRow]) -> int:
        return len(view)

    @query
    def about(self) -> str:
        return "notes"


@pytest.fixture
def view() -> Projected:
    view = Projected(ProjectionSpec("notes", 1, Notes, Notes))
    entries = [("a", "ann"), ("b", "bob"), ("c", "ann")]
    commits = [
        Commit(key, 1, "", place, place, [Written(author, f"text {key}")])
        for place, (key, author) in enumerate(entries, 1)
    ]
    view.apply(0, 1, commits)
    return view


def ask(view: Projected, name: str, body: bytes = b"{}") -> Any:
    request = msgspec.json.decode(body, type=view.spec.queries[name].request)
    return view.ask(name, request)


def test_arguments_are_the_signature(view: Projected) -> None:
    assert ask(view, "note", b'{"note": "b"}') == NoteRow("bob", "text b")
    assert ask(view, "note", b'{"note": "z"}') is None
    assert ask(view, "by-author", b'{"author": "ann"}') == ["a", "c"]
    assert ask(view, "by-author", b'{"author": "ann", "limit": 1}') == ["a"]
    assert ask(view, "count") == 3
    assert ask(view, "about") == "notes"


def test_a_struct_may_carry_the_arguments(view: Projected) -> None:
    assert ask(view, "page") == ["a", "b"]
    assert ask(view, "page", b'{"after": "b", "limit": 9}') == ["c"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("note", b"{}"),
        ("note", b'{"note": 7}'),
        ("note", b'{"note": "a", "colour": "red"}'),
        ("by-author", b'{"author": "ann", "limit": 0}'),
        ("count", b'{"more": 1}'),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_the_method_runs(
    view: Projected, name: str, body: bytes
) -> None:
    with pytest.raises(msgspec.ValidationError):
        ask(view, name, body)


def test_what_is_returned_is_kept_to_be_described(view: Projected) -> None:
    returns = {name: query.returns for name, query in view.spec.queries.items()}
    assert returns["note"] == NoteRow | None
    assert returns["by-author"] == list[str]
    schema = msgspec.json.schema(view.spec.queries["by-author"].request)
    (described,) = schema["$defs"].values()
    assert described["required"] == ["author"]
    assert described["properties"]["limit"] == {"type": "integer", "minimum": 1, "default": 20}


def test_a_query_changes_nothing(view: Projected) -> None:
    class Writes(Notes):
        @query
        def forget(self, view: Table[NoteRow]) -> int:
            view.clear()
            return len(view)

    writing = Projected(ProjectionSpec("notes", 1, Writes, Writes))
    writing.apply(0, 1, [Commit("a", 1, "", 1, 1, [Written("ann", "x")])])
    assert ask(writing, "forget") == 0
    assert ask(writing, "count") == 1


def test_a_method_says_of_which_projection_it_is_a_query() -> None:
    assert address_of(Notes.note) == ("notes", "note")
    assert address_of(Notes.by_author) == ("notes", "by-author")

    class Later(Projection):
        @query
        def sum(self) -> int:
            return 0

    with pytest.raises(TypeError, match=r"Later\.sum is a query of none that is registered"):
        address_of(Later.sum)
    Engine("test").projection("later")(Later)
    assert address_of(Later.sum) == ("later", "sum")
    Engine("test").projection("again")(Later)
    with pytest.raises(TypeError, match="of several projections, again, later"):
        address_of(Later.sum)
    with pytest.raises(TypeError, match="is not a query"):
        address_of(Notes.written)


def line_of(cls: type[Projection]) -> str:
    with pytest.raises(ConfigError) as caught:
        Engine("test").projection("p")(cls)
    return str(caught.value)


def test_a_signature_that_says_too_little_is_refused() -> None:
    class Bare(Projection):
        @query
        def sum(self, account) -> int:  # type: ignore[no-untyped-def]
            return 0

    class Late(Projection):
        @query
        def sum(self, account: str, view: Table) -> int:
            return 0

    class Odd(Projection):
        @query
        def sum(self, account: Callable[[], int]) -> int:
            return 0

    class Mutable(Projection):
        @query
        def sum(self, names: list[str] = ["a"]) -> int:  # noqa: B006
            return 0

    class Reserved(Projection):
        @query
        def sum(self, timeout_s: float) -> int:
            return 0

    assert "Reserved.sum takes an argument timeout_s, which a client keeps for itself" in line_of(Reserved)
    assert "Bare.sum does not say of which type account is: annotate it" in line_of(Bare)
    assert "Late.sum takes the view as view: it must be the first parameter" in line_of(Late)
    assert "Odd.sum takes arguments that JSON cannot give" in line_of(Odd)
    assert "Mutable.sum takes arguments that JSON cannot give" in line_of(Mutable)
