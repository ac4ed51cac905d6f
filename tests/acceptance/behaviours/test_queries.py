"""Queries to views and process managers, and what is told of those that cannot be answered."""

import pytest

from engine import QueryRefused
from tests.acceptance.behaviours.domain import Create, Finish
from tests.acceptance.behaviours.world import World, app, fresh


def test_a_process_manager_is_asked_as_a_view_is(world: World) -> None:
    note = fresh()
    world.client.send(Create(note, text="one"))
    finished = world.client.send(Finish(note, text="done"))
    assert world.client.query("filing", "positions", at_least=finished) is None
    empty = {"waiting": 0, "commands": []}
    world.until(lambda: world.client.query("filing", "outbox") == empty, "everything has arrived")
    assert world.client.query("filing", "timers") == {"waiting": 0, "timers": []}
    assert world.client.query("filing", "dead-letters") == []
    assert world.client.query("filing", "lag")["0"]["events"] >= 0


@pytest.mark.parametrize(
    ("view", "query", "arguments", "says"),
    [
        ("filing", "inbox", {}, "unknown-query: this view has: outbox, timers"),
        ("filing", "outbox", {"of": "x"}, "malformed: Object contains unknown field `of`"),
        ("filing", "dead-letter-retry", {"aggregate": "x"}, "not-set-aside: nothing of x is set aside"),
        ("texts", "outbox", {}, "unknown-query: this view has: text"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_code(
    world: World, view: str, query: str, arguments: dict[str, str], says: str
) -> None:
    with pytest.raises(QueryRefused) as refused:
        world.client.query(view, query, arguments)
    assert str(refused.value).startswith(says)


def test_a_view_that_is_not_there_is_refused_with_the_names_of_those_that_are(world: World) -> None:
    names = ", ".join([*app.process_managers, *app.projections])
    with pytest.raises(QueryRefused) as refused:
        world.client.query("nobody", "text")
    assert str(refused.value) == f"unknown-view: there is no view 'nobody'; the node has {names}"
    with pytest.raises(ValueError, match="projected:<a view of this node>"):
        world.client.send(Create(fresh(), text="one"), wait="projected:nobody")
