"""Two nodes that both own the partition, whatever is lost on the way and whichever process dies."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.messages import Command
from engine.store.place import decode_place
from engine.wire.log import raw_record_decoder
from tests.unit.engine.cluster.kit import LoneNode, Together
from tests.unit.engine.core.test_partition import Bank, Deposit, Open, Withdraw

NAMES = ("a", "b")


@pytest.fixture
def two(tmp_path: Path) -> Any:
    together = Together(tmp_path)
    yield together
    together.close()


def expect_one_truth(together: Together) -> None:
    """Each command was decided once, in the order of its log, as one partition alone would have; all stores
    are equal, and so are all states; and who was told anything was told the same."""
    bank = Bank()
    if queued := together.queued:
        bank.process((b"me", list(queued)))
    alone = {name: (one.version, getattr(one, "balance", None)) for name, one in bank.core.aggregates.items()}
    assert [commit[:3] for commit in together.commits] == commits_of(bank)
    for node in together.nodes:
        place = decode_place(node.reader.place())
        assert (place.sequence, place.message) == (len(queued), len(together.commands.messages))
        assert node.rows == together.nodes[0].rows
        assert node.state == alone
    for id, told in together.answered.items():
        assert len(set(told)) == 1, f"{id} was answered {told}"


def commits_of(bank: Bank) -> list[tuple[str, int, str]]:
    logs = [raw_record_decoder.decode(batch.log) for batch in bank.batches if batch.log]
    return [(c.aggregate, c.version, c.command) for log in logs for c in log.commits]


# ---------------------------------------------------------------------- what may happen, in any order

Step = Callable[[Together], object]


def of_node(name: str, number: int) -> Step:
    def step(together: Together) -> None:
        node = together.nodes[number]
        work: dict[str, Callable[[LoneNode], object]] = {
            "takes in": LoneNode.take_in,
            "decides": LoneNode.decide,
            "puts out one": lambda node: node.put_out(1),
            "puts out": LoneNode.put_out,
            "loses its input": LoneNode.lose_input,
            "loses its core": LoneNode.lose_core,
            "loses its output": LoneNode.lose_output,
            "loses its output late": lambda node: node.lose_output(after=1),
            "owns": lambda node: setattr(node, "owns", True),
            "owns nothing": lambda node: setattr(node, "owns", False),
        }
        work[name](node)

    step.__name__ = f"node {number} {name}"
    return step


WORK = ("takes in", "decides", "puts out one", "puts out")
ACCIDENTS = (
    "loses its input", "loses its core", "loses its output", "loses its output late", "owns", "owns nothing",
)  # fmt: skip
steps = st.one_of(
    st.builds(of_node, st.sampled_from(WORK), st.integers(0, 1)),
    st.builds(of_node, st.sampled_from(WORK), st.integers(0, 1)),
    st.builds(of_node, st.sampled_from(ACCIDENTS), st.integers(0, 1)),
    st.sampled_from(["lost", "deaf", "slow"]),
    st.lists(
        st.tuples(st.sampled_from([Open, Deposit, Withdraw]), st.sampled_from(NAMES), st.integers(0, 3)),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 5),
)


def command_of(kind: type[Command], name: str, amount: int) -> Command:
    return Open(name) if kind is Open else kind(name, amount=amount)  # type: ignore[call-arg]


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=60))
def test_every_command_is_decided_once_and_all_stores_are_equal(story: list[Any]) -> None:
    sent: list[Command] = []
    with tempfile.TemporaryDirectory() as folder:
        together = Together(Path(folder))
        try:
            for step in story:
                if isinstance(step, str):
                    setattr(together.decisions, step, 1)
                elif isinstance(step, list):
                    sent += (fresh := [command_of(*one) for one in step])
                    together.send(*fresh)
                elif isinstance(step, int):
                    together.send(*sent[-step:])  # again, under the same ids
                else:
                    step(together)
            for node in together.nodes:
                node.owns = True
            together.rest()
            expect_one_truth(together)
        finally:
            together.close()


# ---------------------------------------------------------------------- single cases


def test_who_comes_second_goes_back_and_decides_nothing_again(two: Together) -> None:
    first, second = two.nodes
    two.send(Open("a"), Deposit("a", amount=5))
    first.take_in(), first.decide()
    two.send(Deposit("a", amount=6))
    second.take_in(), second.decide(), second.put_out()
    first.put_out()
    assert (first.output.conflicts, second.output.conflicts) == (1, 0)
    two.rest()
    assert len(two.decisions.messages) == 1
    expect_one_truth(two)


def test_two_that_decide_the_same_in_the_same_bytes_do_not_hinder_each_other(two: Together) -> None:
    opened = Open("a")
    two.send(opened)
    for node in two.nodes:
        node.take_in(), node.decide()
    for node in two.nodes:
        node.put_out()
    two.rest()
    assert two.answered == {opened.id: [("committed", None, 1)] * 2}
    assert [node.output.conflicts for node in two.nodes] == [0, 0]
    expect_one_truth(two)


def test_what_another_node_has_decided_is_undone_even_if_its_sequences_are_stored(two: Together) -> None:
    first, second = two.nodes
    second.owns = False
    two.send(Open("a"))
    two.rest()
    second.owns = True
    two.send(Deposit("a", amount=5))
    first.take_in()
    first.decide()  # in flight here …
    two.send(Withdraw("a", amount=3))
    second.refuse(2)
    second.take_in()
    second.decide()
    second.put_out()  # … and decided there otherwise, with what comes after it
    first.put_out()
    two.rest()
    assert first.state == second.state == {"a": (1, 0)}
    two.send(Deposit("a", amount=7))
    two.rest()
    assert first.state == second.state == {"a": (2, 7)}
    assert first.rows == second.rows


def test_a_rejection_of_another_node_is_remembered(two: Together) -> None:
    first, second = two.nodes
    second.owns = False
    rejected = Withdraw("a", amount=7)
    two.send(Open("a"), rejected, Deposit("a", amount=10))
    two.rest()
    first.owns, second.owns = False, True
    two.send(rejected)
    two.rest()
    assert two.answered[rejected.id] == [("rejected", "too-little", None)] * 2
    expect_one_truth(two)


def test_a_rejection_of_another_node_is_remembered_by_who_goes_back(two: Together) -> None:
    first, second = two.nodes
    rejected = Withdraw("a", amount=7)
    two.send(Open("a"), rejected, Deposit("a", amount=10))
    first.take_in(), first.decide()
    two.send(Deposit("a", amount=20))
    second.take_in(), second.decide(), second.put_out()
    first.put_out()
    assert first.output.conflicts == 1
    second.owns = False
    two.send(rejected)
    two.rest()
    assert two.answered[rejected.id] == [("rejected", "too-little", None)] * 2
    expect_one_truth(two)


def test_an_output_that_died_while_another_node_decided_settles_nothing_of_its_core(two: Together) -> None:
    first, second = two.nodes
    second.owns = False
    two.send(Open("a"))
    two.rest()
    second.owns = True
    two.send(Deposit("a", amount=1))
    first.take_in(), first.decide()
    two.send(Deposit("a", amount=2), Deposit("a", amount=3))
    second.take_in(), second.decide(), second.put_out()
    first.lose_output()
    first.decide()
    two.rest()
    expect_one_truth(two)


def test_what_was_stored_and_not_answered_is_answered_by_the_next_life_of_the_output(two: Together) -> None:
    first, second = two.nodes
    second.owns = False
    opened = Open("a")
    two.send(opened)
    first.take_in(), first.decide()
    first.lose_output(after=1)
    assert two.answered == {}
    first.put_out()
    assert two.answered == {opened.id: [("committed", None, 1)]}
    two.rest()
    expect_one_truth(two)


def test_a_section_that_comes_before_its_node_has_followed_is_asked_for_again(two: Together) -> None:
    first, second = two.nodes
    first.owns = False
    two.send(Open("a"))
    second.take_in(), second.decide(), second.put_out()
    first.put_out()  # stored, and its core has not looked
    second.owns, first.owns = False, True
    two.send(Deposit("a", amount=1))
    first.take_in()
    sections = list(first.inbox)
    first.inbox.clear()
    first.take_too_early(sections)
    two.rest()
    expect_one_truth(two)


def test_nothing_is_answered_before_a_majority_has_it(two: Together) -> None:
    first, second = two.nodes
    second.owns = False
    opened = Open("a")
    two.send(opened)
    first.take_in()
    first.decide()
    told_meanwhile: list[int] = []
    two.decisions.deaf = 3
    first.waiting = lambda: told_meanwhile.append(len(two.answered))
    first.put_out()
    assert told_meanwhile == [0, 0, 0]
    assert two.answered == {opened.id: [("committed", None, 1)]}
