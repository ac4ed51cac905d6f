"""Partitions are shared out equally, and alike by all who know the same nodes."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.cluster.assignment import assign

names = st.sets(st.text(min_size=1, max_size=8), min_size=1, max_size=6)


@given(st.integers(1, 64), names)
def test_each_node_has_its_share(partitions: int, nodes: set[str]) -> None:
    counts = Counter(assign(partitions, nodes))
    shares = [counts[node] for node in nodes]
    assert sum(shares) == partitions
    assert max(shares) - min(shares) <= 1


@given(st.integers(1, 64), names)
def test_the_order_in_which_nodes_are_known_does_not_matter(partitions: int, nodes: set[str]) -> None:
    assert assign(partitions, sorted(nodes)) == assign(partitions, sorted(nodes, reverse=True))


def test_without_nodes_there_are_no_owners() -> None:
    assert assign(3, []) == ["", "", ""]


def test_when_a_node_leaves_most_of_what_it_did_not_own_stays() -> None:
    before = assign(60, ["a", "b", "c"])
    after = assign(60, ["a", "b"])
    moved = sum(1 for was, now in zip(before, after, strict=True) if was != "c" and was != now)
    assert moved <= 10
