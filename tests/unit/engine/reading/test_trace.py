"""The tree around a command, from sources that know much, little, and what cannot be."""

import json
from typing import Any

import msgspec
import pytest

from engine.cli.trace import lines
from engine.managers.ended import State, TimerStory
from engine.reading.trace import NOT_KEPT, Link, Trace, link_of_timer, trace


class Known:
    """A source made of a few words: `causes` is child → what led to it."""

    def __init__(
        self, causes: dict[str, str | None], forgotten: str = "", timers: list[TimerStory] | None = None
    ):
        self.links = {id: Link(id, "committed", causation=above) for id, above in causes.items()}
        for id in forgotten.split():
            del self.links[id]
        self.timers = timers or []

    def find(self, id: str) -> Link | None:
        link = self.links.get(id)
        if link is not None:
            return Link(id, link.outcome, causation=link.causation)
        waiting = [timer for timer in self.timers if timer.id == id and timer.state == "waiting"]
        return link_of_timer(waiting[0]) if waiting else None

    def led_to(self, id: str, most: int) -> list[Link]:
        return [self._fresh(link.command) for link in self.links.values() if link.causation == id][:most]

    def timers_set_by(self, id: str) -> list[TimerStory]:
        return [timer for timer in self.timers if timer.causation == id]

    def _fresh(self, id: str) -> Link:
        link = self.find(id)
        assert link is not None
        return link


FAMILY: dict[str, str | None] = {"a": None, "b": "a", "c": "a", "d": "b", "e": "d", "f": "c"}


def tree(link: Link) -> Any:
    """Names and what they led to."""
    return {child.command: tree(child) for child in link.led_to}


def traced(source: Known, id: str, most: int = 1000) -> Trace:
    found = trace(source, id, most)
    assert found is not None
    assert found.asked == id
    return found


def timer(id: str, state: State, causation: str, ended_by: str | None = None) -> TimerStory:
    return TimerStory(id, "order.expire", "order-1", "expire", 7, state, None, causation, ended_by)


@pytest.mark.parametrize("id", FAMILY)
def test_the_tree_is_the_same_from_whichever_end(id: str) -> None:
    found = traced(Known(FAMILY), id)
    assert found.root.command == "a"
    assert tree(found.root) == {"b": {"d": {"e": {}}}, "c": {"f": {}}}
    assert [link.command for link in found.links()] == ["a", "b", "d", "e", "c", "f"]
    assert not found.cut
    assert not any(link.cut for link in found.links())


def test_what_is_no_longer_kept_has_its_place() -> None:
    found = traced(Known(FAMILY, forgotten="b"), "e")
    assert (found.root.command, found.root.outcome) == ("b", NOT_KEPT)
    assert tree(found.root) == {"d": {"e": {}}}
    found = traced(Known(FAMILY, forgotten="a"), "a")  # but its children are known
    assert tree(found.root) == {"b": {"d": {"e": {}}}, "c": {"f": {}}}


def test_of_nothing_there_is_no_trace() -> None:
    assert trace(Known(FAMILY), "x") is None


def test_a_command_that_names_itself_or_a_descendant_as_its_cause_ends_the_way_up() -> None:
    found = traced(Known({"a": "a"}), "a")
    assert (tree(found.root), found.cut) == ({}, True)
    found = traced(Known({"a": "c", "b": "a", "c": "b"}), "b")
    assert found.root.command == "c"
    assert tree(found.root) == {"a": {"b": {}}}


@pytest.mark.parametrize("most", [1, 2, 3, 5, 40])
def test_a_tree_that_is_too_large_is_cut_around_what_was_asked_about(most: int) -> None:
    wide: dict[str, str | None] = {"root": None} | {f"child-{n:02d}": "root" for n in range(40)}
    wide |= {"leaf": "child-39"}
    found = traced(Known(wide), "leaf", most)
    links = list(found.links())
    assert len(links) == most
    assert "leaf" in [link.command for link in links]
    assert found.cut is (most < 3)
    assert found.root.cut is (most >= 3)


def test_an_endless_chain_is_cut_at_both_ends() -> None:
    chain = {f"{n:05d}": f"{n - 1:05d}" for n in range(1, 500)}
    found = traced(Known(dict(chain)), "00250", most=100)
    assert len(list(found.links())) == 100
    assert found.cut
    found = traced(Known(dict(chain)), "00010", most=100)
    assert not found.cut
    assert [link.command for link in found.links() if link.cut] == ["00099"]


@pytest.mark.parametrize("asked", ["00001", "00700", "01399"])
def test_a_long_chain_is_cut_before_it_is_too_deep_for_json(asked: str) -> None:
    chain: dict[str, str | None] = {f"{n:05d}": f"{n - 1:05d}" for n in range(1, 1400)}
    found = traced(Known(chain), asked)
    assert asked in [link.command for link in found.links()]
    assert json.loads(json.dumps(msgspec.to_builtins(found))) == json.loads(msgspec.json.encode(found))
    assert all(lines(found))


def test_timers_stand_where_they_were_set_whatever_became_of_them() -> None:
    timers = [
        timer("b", "fired", "a"),
        timer("x", "waiting", "a"),
        timer("y", "cancelled", "a", ended_by="c"),
        timer("z", "fired", "a"),
    ]
    found = traced(Known(FAMILY, timers=timers), "e")
    by_name = {link.command: link for link in found.root.led_to}
    assert {name: link.outcome for name, link in by_name.items()} == {
        "b": "committed",
        "c": "committed",
        "x": "waiting",
        "y": "cancelled",
        "z": NOT_KEPT,
    }
    assert by_name["b"].timer == timers[0]
    assert by_name["c"].timer is None
    assert (by_name["y"].timer, by_name["y"].aggregate) == (timers[2], "order-1")
    assert tree(by_name["b"]) == {"d": {"e": {}}}


def test_a_timer_that_has_not_fired_is_found_by_the_id_of_its_command() -> None:
    found = traced(Known(FAMILY, timers=[timer("x", "waiting", "e")]), "x")
    assert found.root.command == "a"
    assert tree(found.root)["b"] == {"d": {"e": {"x": {}}}}
