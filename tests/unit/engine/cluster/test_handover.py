"""A worker on its way from one node to the next."""

from pathlib import Path

import msgspec
import pytest

from engine.cluster.handover import LET_GO_S, Handed, Handover, further, key_of
from engine.cluster.notes import MemoryNotes, agreed
from engine.reading.cursor import Mark, read_cursor, write_cursor

IDS = ["a" * 32, "b" * 32]


class Nodes:
    """Two nodes with a worker, `one` of which is known to be there or not."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.notes, self.now, self.there = folder, MemoryNotes(), 100.0, {"one", "two"}
        self.one, self.two = self.of("one"), self.of("two")

    def of(self, node: str) -> Handover:
        """Of a new process of a node."""
        return Handover(
            self.notes,
            "runner",
            self.path(node),
            node,
            there=self.there.__contains__,
            now=lambda: self.now,
        )

    def path(self, node: str) -> Path:
        return self.folder / node / "runner.json"

    def comes_to(self, node: str, at: Mark) -> None:
        """The worker has come so far on a node, which notes it there."""
        self.path(node).parent.mkdir(exist_ok=True)
        write_cursor(self.path(node), [at], IDS[:1])

    def is_at(self, node: str) -> Mark:
        return read_cursor(self.path(node))[0][0]


@pytest.fixture
def nodes(tmp_path: Path) -> Nodes:
    made = Nodes(tmp_path)
    made.comes_to("one", (5, 0))
    made.comes_to("two", (1, 0))
    return made


def test_of_each_partition_the_one_that_is_further_counts() -> None:
    mine = Handed([(5, 0), (9, 1)], IDS)
    theirs = Handed([(6, 2), (9, 0)], ["c" * 32, "d" * 32])
    assert further(mine, theirs) == further(theirs, mine) == Handed([(6, 2), (9, 1)], ["c" * 32, "b" * 32])


def test_the_next_one_waits_until_the_one_before_has_let_go_and_goes_on_from_there(nodes: Nodes) -> None:
    assert nodes.one.take()
    assert not nodes.two.take()
    nodes.comes_to("one", (8, 1))
    assert nodes.one.let_go()
    assert nodes.two.take()
    assert nodes.is_at("two") == (8, 1)


def test_nobody_waits_for_one_that_is_gone(nodes: Nodes) -> None:
    assert nodes.one.take()
    nodes.comes_to("one", (6, 0))
    nodes.one.give()
    nodes.comes_to("one", (7, 0))
    assert not nodes.two.take()
    nodes.there.remove("one")
    assert nodes.two.take()
    assert nodes.is_at("two") == (6, 0), "what was done and not noted is done again"


def test_one_that_is_there_and_never_lets_go_is_not_waited_for_long(nodes: Nodes) -> None:
    assert nodes.one.take()
    assert not nodes.two.take()
    nodes.now += LET_GO_S
    assert nodes.two.take()


def test_one_that_comes_back_has_it_at_once_if_no_other_has_it(nodes: Nodes) -> None:
    assert nodes.one.take()
    assert nodes.of("one").take()


def test_what_one_notes_that_has_lost_it_does_not_hold_up_the_next(nodes: Nodes) -> None:
    assert nodes.one.take()
    nodes.there.remove("one")
    assert nodes.two.take()
    before = nodes.notes.kept[key_of("runner")]
    nodes.comes_to("one", (9, 0))
    nodes.one.give()
    assert nodes.one.let_go()
    assert nodes.notes.kept[key_of("runner")] == before


def test_what_one_notes_that_hung_is_not_taken_for_what_the_next_one_left(nodes: Nodes) -> None:
    assert nodes.one.take()
    nodes.there.remove("one")
    assert nodes.two.take()
    nodes.comes_to("two", (500, 0))
    assert nodes.two.let_go()
    nodes.comes_to("one", (11, 0))
    nodes.one.give()
    assert nodes.of("three").take()
    assert nodes.is_at("three") == (500, 0)


def test_without_an_answer_it_is_not_taken_because_all_would_be_done_again(nodes: Nodes) -> None:
    assert nodes.one.take()
    assert nodes.one.let_go()
    nodes.notes.silent = True
    assert not nodes.two.take()
    nodes.one.give()
    assert not nodes.one.let_go()
    nodes.notes.silent = False
    assert nodes.two.take()
    assert nodes.is_at("two") == (5, 0)


def test_a_note_that_cannot_be_read_is_written_again(nodes: Nodes) -> None:
    nodes.notes.write(key_of("runner"), b"?", nodes.notes.read(key_of("runner")))
    assert nodes.one.take()
    note = msgspec.json.decode(nodes.notes.kept[key_of("runner")].body, type=Handed)
    assert note == Handed([(5, 0)], IDS[:1], "one")


def test_all_nodes_agree_on_what_the_first_one_has_proposed() -> None:
    notes = MemoryNotes()
    assert agreed(notes, "birth.booking", b"first") == b"first"
    assert agreed(notes, "birth.booking", b"second") == b"first"
