"""Who may: what the class line of a command and the mark of a query say, checked before anything runs."""

from typing import Annotated

import msgspec
import pytest

from engine import Command, ConfigError, Projection, Table, query
from engine.model.access import Access, Role, access_of, expect_own
from engine.model.declared import access_to
from engine.model.projections import ProjectionSpec


class Own(Command, name="thing.own", may="user", own="owner"):
    owner: str


class Open(Command, name="thing.open", may="public"):
    pass


class Silent(Command, name="thing.silent"):
    pass


class SubSilent(Own, name="thing.sub"):
    pass


def test_what_declares_nothing_is_for_operators() -> None:
    assert access_to(Silent) == Access(Role.OPERATOR, "")
    assert access_to(SubSilent) == Access(Role.OPERATOR, "")  # never inherited


def test_the_class_line_says_the_least_role_and_the_field_that_is_the_callers() -> None:
    assert access_to(Own) == Access(Role.USER, "owner")
    assert access_to(Open) == Access(Role.PUBLIC, "")


def test_a_query_says_the_same() -> None:
    class Things(Projection, name="things"):
        @query(may="user", own="owner")
        def of(self, view: Table, owner: str) -> list[str]:
            return []

        @query("by-name", may="public")
        def named(self, view: Table, name: str) -> str:
            return name

        @query
        def all(self, view: Table) -> int:
            return 0

    queries = ProjectionSpec("things", 1, Things, Things).queries
    assert queries["of"].access == Access(Role.USER, "owner")
    assert queries["by-name"].access == Access(Role.PUBLIC)
    assert queries["all"].access == Access(Role.OPERATOR)


@pytest.mark.parametrize(
    ("may", "own", "text"),
    [
        ("admin", "", "may='admin': it is one of public, user, operator, inside"),
        (None, "owner", 'say may="user" too'),
        ("public", "owner", 'say may="user" too'),
    ],
)
def test_what_makes_no_sense_is_one_line(may: str | None, own: str, text: str) -> None:
    with pytest.raises(ConfigError, match="the thing says") as raised:
        access_of(may, own, "the thing")
    assert text in str(raised.value)


class Fields(msgspec.Struct):
    plain: str
    bound: Annotated[str, msgspec.Meta(max_length=5)]
    number: int
    maybe: str | None


@pytest.mark.parametrize("own", ["plain", "bound", ""])
def test_a_text_may_be_the_callers(own: str) -> None:
    expect_own(Access(Role.USER, own), Fields, "it")


@pytest.mark.parametrize("own", ["number", "maybe", "missing"])
def test_anything_else_may_not(own: str) -> None:
    with pytest.raises(ConfigError, match="not a field of the type str"):
        expect_own(Access(Role.USER, own), Fields, "it")
