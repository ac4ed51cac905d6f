"""Who is there, and who owns what."""

from concurrent.futures import Future

import msgspec
import pytest

from engine.cluster.assignment import assign
from engine.cluster.logs import NoAnswer, Owner
from engine.cluster.membership import BEAT_S, PATIENCE_S, Beat, Membership, always_owned
from engine.cluster.memory_logs import MemoryRegister

PARTITIONS = 4
NOTHING = [0] * PARTITIONS


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Nodes:
    """Some nodes that look in turn while time passes."""

    def __init__(self, *names: str) -> None:
        self.clock, self.register = Clock(), MemoryRegister()
        self.members: dict[str, Membership] = {}
        for name in names:
            self.join(name)

    def join(
        self, name: str, always: frozenset[int] | None = None, life: str = "life", known_as: str = ""
    ) -> Membership:
        member = Membership(known_as or name, life, PARTITIONS, self.register, now=self.clock, always=always)
        self.register.listen(member.hear)
        self.members[name] = member
        return member

    def die(self, name: str) -> Membership:
        """It looks no longer; what it hears does not matter."""
        return self.members.pop(name)

    def work(self, seconds: float, *unready: str) -> None:
        until = self.clock.now + seconds
        while self.clock.now < until:
            for name, member in self.members.items():
                member.look(NOTHING, name not in unready)
            self.clock.now += 0.05

    @property
    def owners(self) -> list[str]:
        """Who thinks that it owns each partition, by commas."""
        return [
            ",".join(sorted(name for name, member in self.members.items() if p in member.terms))
            for p in range(PARTITIONS)
        ]


@pytest.fixture
def nodes() -> Nodes:
    return Nodes("a", "b")


def test_each_takes_its_share_once_it_has_listened_for_a_while(nodes: Nodes) -> None:
    nodes.work(PATIENCE_S / 2)
    assert nodes.owners == [""] * PARTITIONS
    nodes.work(2 * PATIENCE_S)
    assert nodes.owners == assign(PARTITIONS, ["a", "b"])


def test_what_a_dead_node_owned_is_taken_within_two_seconds(nodes: Nodes) -> None:
    nodes.work(3 * PATIENCE_S)
    nodes.die("a")
    nodes.work(PATIENCE_S + 2 * BEAT_S)
    assert nodes.owners == ["b"] * PARTITIONS


def test_a_node_that_comes_back_takes_its_share_from_the_other(nodes: Nodes) -> None:
    nodes.work(3 * PATIENCE_S)
    nodes.die("a")
    nodes.work(3 * PATIENCE_S)
    nodes.join("a")
    nodes.work(4 * PATIENCE_S)
    assert nodes.owners == assign(PARTITIONS, ["a", "b"])


def test_a_node_that_slept_gives_up_what_it_hears_that_another_one_owns(nodes: Nodes) -> None:
    nodes.work(3 * PATIENCE_S)
    sleeper = nodes.die("a")
    had = set(sleeper.terms)
    nodes.work(3 * PATIENCE_S)
    assert had
    assert not had & sleeper.terms.keys(), "it hears the beats as soon as it wakes"


def test_a_node_that_is_not_ready_owns_nothing_and_its_share_goes_to_the_other(nodes: Nodes) -> None:
    nodes.work(3 * PATIENCE_S)
    nodes.work(PATIENCE_S, "a")
    assert nodes.owners == ["b"] * PARTITIONS


def test_partitions_that_a_node_always_owns_stay_its_own() -> None:
    nodes = Nodes("a")
    always = nodes.join("z", always=frozenset({1}))
    nodes.work(4 * PATIENCE_S)
    assert always.terms.keys() == {1}
    assert always.owned == 0b10


def test_a_register_that_does_not_answer_changes_nothing(nodes: Nodes) -> None:
    nodes.work(3 * PATIENCE_S)
    before = nodes.owners

    def silent(_: int) -> "Future[Owner | None]":
        promise: Future[Owner | None] = Future()
        promise.set_exception(NoAnswer())
        return promise

    nodes.register.owner = silent  # type: ignore[method-assign,assignment]
    nodes.work(5 * PATIENCE_S)
    assert nodes.owners == before


def test_what_is_no_beat_is_passed_over(nodes: Nodes) -> None:
    member = nodes.members["a"]
    for body in (b"", b"[]", b'{"node":7}', b"\xff"):
        member.hear(body)
    assert set(member.heard) <= {"a", "b"}
    member.hear(msgspec.json.encode(Beat("c", "life", "", {}, NOTHING)))
    assert "c" in member.there()


@pytest.mark.parametrize(
    ("setting", "owned"), [("", None), ("all", {0, 1, 2, 3}), ("2", {2}), ("0,3", {0, 3})]
)
def test_what_is_always_owned_is_read_from_the_setting(setting: str, owned: set[int] | None) -> None:
    assert always_owned(setting, PARTITIONS) == owned


@pytest.mark.parametrize("setting", ["4", "-1", "x", "1,,2"])
def test_a_setting_that_names_no_partition_is_wrong(setting: str) -> None:
    with pytest.raises(ValueError, match=r"partitions are|invalid literal"):
        always_owned(setting, PARTITIONS)


@pytest.mark.parametrize("always", [None, frozenset({0})])
def test_a_node_whose_name_another_one_has_owns_nothing_and_says_so(
    nodes: Nodes, always: frozenset[int] | None
) -> None:
    nodes.work(3)
    twin = nodes.join("twin", always, life="another", known_as="a")
    nodes.work(4)
    assert twin.has_twin
    assert always or not twin.terms
    assert not nodes.members["a"].has_twin, "who was there first stays"
    assert "a" in nodes.members["b"].there()


def test_a_node_that_starts_again_is_no_twin_of_the_life_before(nodes: Nodes) -> None:
    nodes.work(3)
    again = nodes.join("again", life="another", known_as="a")
    nodes.work(1)
    nodes.die("a")
    nodes.work(5)
    assert not again.has_twin
    assert again.terms
