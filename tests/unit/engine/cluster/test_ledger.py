"""The way of decisions into the log, and what other nodes decided into the store."""

from collections.abc import Sequence
from concurrent.futures import Future

import pytest

from engine.base.errors import CorruptData
from engine.cluster.ledger import Ledger
from engine.cluster.logs import Message, Superseded
from engine.cluster.memory_logs import MemoryLog
from engine.store.place import Place
from engine.wire.batches import Batch
from engine.wire.replicated import Decision, bare, decode_decision
from tests.unit.engine.wire.test_replicated import CODE, batch


class Waited(Exception):
    """The ledger waits for the log."""


class Node:
    """A ledger and what it stored."""

    def __init__(self, log: MemoryLog, *, place: Place | None = None, patience: int = 5) -> None:
        self.stored: list[Batch] = []
        self.log, self._left = log.end(), patience
        self.ledger = Ledger(self.log, place or Place(), self._store, code=CODE, wait=self._wait)

    def _store(self, batches: Sequence[Batch], place: Place) -> None:
        self.stored += map(bare, batches)
        self.places = place

    def _wait(self, _: float) -> None:
        self._left -= 1
        if self._left < 0:
            raise Waited

    def follow(self) -> "Node":
        self.log.follow(self.ledger.place.decision, self.ledger.arrived)
        return self


def test_what_is_decided_is_in_the_log_before_it_is_stored() -> None:
    log = MemoryLog()
    node = Node(log)
    mine = [batch(1), batch(2)]
    assert node.ledger.decide(mine) == (mine, [], False)
    assert decode_decision(log.messages[0].body).sequence == 2
    assert node.stored == mine
    assert node.places == node.ledger.place


def test_nothing_is_stored_while_no_majority_has_it() -> None:
    log = MemoryLog()
    log.deaf = 1_000
    node = Node(log)
    with pytest.raises(Waited):
        node.ledger.decide([batch(1)])
    assert node.stored == []


@pytest.mark.parametrize("fault", ["lost", "deaf", "slow"])
def test_an_append_without_a_sure_answer_is_one_s_own_if_its_message_is_at_the_place(fault: str) -> None:
    log = MemoryLog()
    setattr(log, fault, 1)
    node = Node(log)
    mine = [batch(1)]
    assert node.ledger.decide(mine) == (mine, [], False)
    assert len(log.messages) == 1
    assert node.stored == mine
    assert node.ledger.conflicts == 0


def test_what_another_node_decided_first_is_stored_instead_and_the_rest_is_superseded() -> None:
    log = MemoryLog()
    first, second = Node(log), Node(log)
    theirs = [batch(1)]
    first.ledger.decide(theirs)
    assert second.ledger.decide([batch(1)]) == ([], theirs, True)
    assert second.stored == first.stored
    assert second.ledger.conflicts == 1
    assert second.ledger.place == first.ledger.place


def test_what_others_decided_before_it_was_handed_in_counts_as_superseded() -> None:
    log = MemoryLog()
    first, second = Node(log), Node(log).follow()
    theirs = [batch(1)]
    first.ledger.decide(theirs)
    assert second.ledger.behind
    assert second.ledger.decide([batch(1)]) == ([], theirs, True)
    assert not second.ledger.behind


def test_a_batch_that_an_earlier_life_had_stored_is_stored_once_and_answered() -> None:
    log = MemoryLog()
    first = Node(log)
    mine = [batch(1), batch(2), batch(3)]
    first.ledger.decide(mine[:2])
    again = Node(log, place=first.ledger.place)
    assert again.ledger.decide(mine) == (mine, [], False)
    assert again.stored == mine[2:]
    assert len(log.messages) == 2


def test_a_batch_like_one_that_was_stored_but_not_the_same_is_superseded() -> None:
    log = MemoryLog()
    first = Node(log)
    first.ledger.decide([batch(1)])
    again = Node(log, place=first.ledger.place)
    assert again.ledger.decide([batch(1)]) == ([], [], True)


def test_a_follower_does_not_skip_what_is_missing() -> None:
    log = MemoryLog()
    writer, reader = Node(log), Node(log)
    for sequence in (1, 2):
        writer.ledger.decide([batch(sequence)])
    reader.ledger.arrived(log.messages[1])
    with pytest.raises(CorruptData, match="missing"):
        reader.ledger.follow()
    assert reader.stored == []


def test_a_follower_does_not_take_what_breaks_the_chain() -> None:
    node = Node(MemoryLog())
    stranger = Decision(1, 1, 1, 5, CODE, bytes(range(16)), [batch(1)])
    node.ledger.arrived(Message(1, 1, stranger.encode()))
    with pytest.raises(CorruptData, match="chain"):
        node.ledger.follow()
    assert node.stored == []


def test_a_message_that_comes_twice_is_stored_once() -> None:
    log = MemoryLog()
    Node(log).ledger.decide([batch(1)])
    node = Node(log)
    for _ in range(2):
        node.ledger.arrived(log.messages[0])
    assert len(node.ledger.follow()) == 1
    assert node.ledger.follow() == []


class Refusing:
    """A log whose next place is taken by nothing that it shows."""

    def append(self, _body: bytes, _after: int) -> "Future[int]":
        promise: Future[int] = Future()
        promise.set_exception(Superseded())
        return promise

    def at(self, _sequence: int) -> "Future[bytes | None]":
        promise: Future[bytes | None] = Future()
        promise.set_result(None)
        return promise


def test_a_refused_append_is_no_conflict_before_another_message_is_seen() -> None:
    node = Node(MemoryLog())
    node.ledger._log = Refusing()  # type: ignore[assignment]
    with pytest.raises(Waited):
        node.ledger.decide([batch(1)])
    assert node.ledger.conflicts == 0
