"""In which order events are handled (behaviours 13 and 14)."""

import itertools
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import Event
from engine.base.identity import NO_INDEX_KEY
from engine.base.log import no_log
from engine.follow import Fold, Projected
from engine.store import Reader, Writer
from engine.store.foreign import append_to
from engine.testing import InlineClient, InlineEngine
from tests.acceptance.behaviours.domain import (
    Create,
    Created,
    Edit,
    Edited,
    Finish,
    Mark,
    OneNote,
    box_of,
)
from tests.acceptance.behaviours.world import Inline, Running, World, app, ask, fresh, history

MORE_THAN_ITS_QUEUE = 13 * 100  # ZeroMQ keeps 1,000 records for a projector that does not take them
LONG = "x" * 4_000  # so that the buffers of the operating system hold few of them
MAP_BYTES = 1 << 26

Record = tuple[int, int, int, bytes]


def test_handlers_of_one_two_and_three_events_run_in_ascending_priority(world: World, note: str) -> None:
    world.client.send(Create(note, text="one"))
    receipt = world.client.send(Finish(note, text="done"), wait="projected:turns")
    assert receipt.outcome == "committed"
    assert ask(world, "turns", "turns", note) == [
        "finished-20", "finished", "finished+20",
        "closed-100",
        "two-7", "two+7",
        "three-done-first", "three-2",
    ]  # fmt: skip


def test_handlers_of_several_events_stay_out_where_one_is_missing(world: World, note: str) -> None:
    world.client.send_many([Create(note, text="one"), Mark(note, label="a")])
    receipt = world.client.send(Edit(note, text="two"))
    assert ask(world, "turns", "turns", note, receipt.at) == ["a-20", "a", "a+20"]


def test_a_finished_note_is_filed_once_by_the_process_manager(world: World, note: str) -> None:
    world.client.send_many([Create(note, text="one"), Finish(note, text="done")])
    world.until(lambda: history(world, box_of(note)), "the note is filed")
    assert [commit.version for commit in history(world, box_of(note))] == [1]


@pytest.mark.parametrize("world", ["node"], indirect=True)
def test_a_projector_that_was_halted_while_its_queue_ran_over_misses_nothing(world: Running) -> None:
    notes = [fresh() for _ in range(13)]
    world.client.send_many([Create(note, text="") for note in notes], timeout_s=30)
    victims = [world.node.pids["projector-versions"], world.node.pids["projector-texts"]]
    for pid in victims:
        os.kill(pid, signal.SIGSTOP)
    try:
        for n in range(MORE_THAN_ITS_QUEUE):  # one by one: a record each
            receipt = world.client.send(Edit(notes[n % 13], text=f"{n} {LONG}"))
            assert receipt.outcome == "committed"
    finally:
        for pid in victims:
            os.kill(pid, signal.SIGCONT)
    last = world.client.send_many([Edit(note, text="last") for note in notes])[-1]
    for note in notes:
        assert ask(world, "versions", "seen", note, last.at) == list(range(1, 103))
        assert ask(world, "texts", "text", note, last.at) == "last"
    assert world.node.pids["projector-versions"] == victims[0], "it was not started anew"


@pytest.mark.parametrize("world", ["inline"], indirect=True)
def test_records_that_are_lost_swapped_and_doubled_inline_are_handled_in_order(world: Inline) -> None:
    draw = random.Random(7)
    heard: list[int] = []

    def shuffle(records: list[Any]) -> None:
        heard.append(len(records))
        if len(records) > 1:
            lost = draw.randrange(len(records))
            records[:] = [*records[:lost], *records[lost + 1 :], *records[:1]]
            draw.shuffle(records)

    notes = [fresh() for _ in range(13)]
    world.client.send_many([Create(note, text="") for note in notes])
    clients = [Patient(world.engine, batch=1_000) for _ in range(5)]
    world.engine.shuffle = shuffle
    try:
        tickets = []
        for client in clients:  # nothing runs before all have sent; then each message becomes a record
            edits = [Edit(notes[k % 13], text=f"{k}") for k in range(13 * 50)]
            tickets += [(client, client.submit(edit)) for edit in edits]
            client.flush()
        receipts = [client.wait(ticket) for client, ticket in tickets]
        world.engine.settle()
    finally:
        world.engine.shuffle = None
    assert max(heard) >= 5
    assert {receipt.outcome for receipt in receipts} == {"committed"}
    for note in notes:
        assert ask(world, "versions", "seen", note) == list(range(1, 252))


class Patient(InlineClient):
    """Sends nothing before it is told to: else every command would be a record of its own."""

    def __init__(self, engine: InlineEngine, batch: int) -> None:
        super().__init__(engine, batch)
        self._linger_s = float("inf")


class Delivered:
    """A view that gets records one by one, and a store that has only what a test puts there."""

    def __init__(self, folder: Path) -> None:
        source = Writer(folder / "source", MAP_BYTES, index_key=NO_INDEX_KEY)
        self._events: list[Event] = [Created("1"), Edited("2"), Edited("3"), Edited("4")]
        for event in self._events:
            append_to(source.env, "note", [event])
        records = Reader.beside(source).records()
        self._records: list[Record] = [(0, at, at, bytes(record)) for at, record in records]
        source.close()
        self._store = Writer(folder / "store", MAP_BYTES, index_key=NO_INDEX_KEY)
        self._stored = 0
        self._target = Projected(app.projections["versions"])
        readers = [Reader.beside(self._store)]
        self.fold = Fold(app, self._target, folder / "view", readers, MAP_BYTES, log=no_log)

    def store(self, upto: int) -> None:
        """The store has everything up to here."""
        for event in self._events[self._stored : upto]:
            append_to(self._store.env, "note", [event])
        self._stored = max(upto, self._stored)

    def deliver(self, *positions: int) -> list[int]:
        """What has been handled after these have come, in this order."""
        for position in positions:
            self.fold.accept(*self._records[position - 1])
        return self.handled()

    def handled(self) -> list[int]:
        handled: list[int] = self._target.ask("seen", OneNote("note"))
        return handled

    def close(self) -> None:
        self.fold.close()
        self._store.close()


@pytest.fixture
def view(tmp_path: Path) -> Iterator[Delivered]:
    made = Delivered(tmp_path)
    yield made
    made.close()


def test_delivered_1_3_2_is_handled_1_2_3(view: Delivered) -> None:
    assert view.deliver(1) == [1]
    assert view.deliver(3) == [1]
    assert view.fold.has_gap
    assert view.deliver(2) == [1, 2, 3]
    assert not view.fold.has_gap


def test_delivered_1_3_with_2_missing_3_waits_and_runs_once_2_is_there(view: Delivered) -> None:
    view.store(1)
    assert view.deliver(1, 3) == [1]
    view.fold.poll()
    assert view.handled() == [1], "looking does not help before 2 is there"
    view.store(2)
    view.fold.poll()
    assert view.handled() == [1, 2, 3], "2 from the store, 3 as it was delivered"
    assert view.deliver(2, 3, 1) == [1, 2, 3], "and each of them once"
    view.store(4)
    view.fold.poll()
    assert view.handled() == [1, 2, 3, 4]


def test_delivered_1_3_while_the_store_has_2_is_handled_at_once(view: Delivered) -> None:
    view.store(3)
    assert view.deliver(1, 3) == [1, 2, 3]


def test_whatever_the_order_of_delivery_is_the_order_of_handling_is_that_of_the_log(tmp_path: Path) -> None:
    for order in itertools.permutations([1, 2, 3, 4]):
        view = Delivered(tmp_path / "".join(map(str, order)))
        assert view.deliver(*order, *order) == [1, 2, 3, 4], order
        view.close()
