"""What a process manager takes in, from its birth on and only as fast as there is room."""

import itertools
import shutil
import tracemalloc
from pathlib import Path

import msgspec
import pytest

from engine import Commit, ProcessManager, Send, Table, on
from engine.base.errors import CorruptData
from engine.base.identity import NO_INDEX_KEY, uuid7_hex
from engine.base.log import no_log
from engine.follow import Fold, HandlerFailed
from engine.journal import last_sequence
from engine.managers import Birth, birth, manager
from engine.managers.intake import Intake
from engine.model.process_managers import ProcessManagerSpec
from engine.node.data_directory import DataDirectory
from engine.store import Writer
from engine.testing import InlineEngine
from tests.unit.engine.follow.kit import Log, StoreReader
from tests.unit.engine.managers.relay import Posted, PostParcel, Put, create, effects, wished
from tests.unit.engine.managers.world import MAP, world
from tests.unit.engine.store.batches import batch_of


def made(path: Path, partitions: int) -> DataDirectory:
    data = DataDirectory(path)
    data.open("parcels", "", partitions, given=True)
    return data


def test_a_birth_is_written_once(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append("a", "b")
    log.writer.close()
    data = made(tmp_path, 2)
    (tmp_path / "store").rename(data.store(0))
    assert birth.record_births(data, ["p", "q"]) == ["p", "q"]
    assert birth.read_birth(data.manager("p"), 2).positions == [2, 0]
    writer = Writer(data.store(1), MAP, index_key=NO_INDEX_KEY)
    writer.close()
    assert birth.record_births(data, ["p", "q", "r"]) == ["r"]
    assert birth.record_births(data, ["p", "q", "r"]) == []


def test_where_the_journal_has_more_than_the_stores_all_of_it_is_history(tmp_path: Path) -> None:
    with InlineEngine(create({}), tmp_path) as engine:
        assert engine.send(PostParcel("p1", box="a")).ok
    data = DataDirectory(tmp_path)
    shutil.rmtree(data.store(0))
    shutil.rmtree(data.manager("relay"))
    assert birth.record_births(data, ["relay"]) == ["relay"]
    born = birth.read_birth(data.manager("relay"), 1)
    journaled = last_sequence(data.journal)
    assert born == Birth([0], journaled)
    assert journaled > 1, "the parcel, and what followed from it"
    assert born.is_history(0, 1, 1)
    assert born.is_history(0, 9, journaled)
    assert not born.is_history(0, 9, journaled + 1)
    assert not born.is_history(0, 9, 0), "an append from outside came after it"


def test_one_that_the_application_no_longer_has_is_named(tmp_path: Path) -> None:
    data = made(tmp_path, 1)
    assert birth.left_behind(data, ["p"]) == []
    birth.record_births(data, ["p", "q", "r"])
    for name in ("p", "q"):
        (data.manager(name) / "data.mdb").touch()
    assert birth.left_behind(data, ["p", "s"]) == ["q"], "r was never at work"


def test_one_born_with_the_data_directory_has_no_history(tmp_path: Path) -> None:
    data = made(tmp_path, 2)
    assert birth.record_births(data, ["p"]) == []
    assert birth.read_birth(data.manager("p"), 2).positions == [0, 0]


def test_a_birth_that_is_lost_or_damaged_is_not_guessed(tmp_path: Path) -> None:
    data = made(tmp_path, 1)
    birth.record_births(data, ["p"])
    file = data.manager("p") / birth.FILE
    for text in ("", "{}", "[]", '{"positions": [1, 2]}', '{"positions": ["1"]}', '{"positions": 1}'):
        file.write_text(text)
        with pytest.raises(CorruptData):
            birth.read_birth(data.manager("p"), 1)
    (file.parent / "data.mdb").touch()
    file.unlink()
    with pytest.raises(CorruptData, match="birth of a process manager is lost"):
        birth.record_births(data, ["p"])


def test_no_event_is_taken_in_while_too_much_waits_for_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "MOST_WAITING", 3)
    parcels = [PostParcel(f"p{k}", box="a") for k in range(20)]
    with world(create({}), tmp_path) as (node, life):
        for parcel in parcels:
            node.post(parcel)
        longest = 0
        for _ in range(50):
            life.turn()
            longest = max(longest, len(life.manager.outbox))
        assert longest == 4
        assert effects(node.commits()) == wished(parcels)


def test_a_record_that_orders_too_much_is_taken_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "MOST_WAITING", 3)
    parcels = [PostParcel(f"p{k}", box="a") for k in range(20)]
    with world(create({}), tmp_path) as (node, life):
        life.intake.read()
        node.post(*parcels)
        ((_, record),) = node.reader.records()
        life.intake.accept(0, 1, 20, record)
        assert (life.fold.positions, len(life.manager.outbox)) == ([4], 4)
        assert life.intake.behind, "the store has the rest"
        longest = 0
        for _ in range(50):
            life.turn()
            longest = max(longest, len(life.manager.outbox))
        assert longest == 4
        assert effects(node.commits()) == wished(parcels)


def test_the_outbox_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "MOST_WAITING_BYTES", 5_000)
    parcels = [PostParcel("p" * 200 + str(k), box="a") for k in range(100)]
    with world(create({}), tmp_path) as (node, life):
        node.post(*parcels)
        most = 0
        for _ in range(100):
            life.turn()
            most = max(most, life.manager.outbox.saved_bytes)
        assert 2_500 < most < 7_500
        assert (life.manager.outbox.saved_bytes, life.manager.full) == (0, False)
        assert effects(node.commits()) == wished(parcels)


def test_what_was_saved_counts_after_the_next_start_too(tmp_path: Path) -> None:
    with world(create({}), tmp_path) as (node, life):
        node.post(*(PostParcel(f"p{k}", box="a") for k in range(3)))
        life.turn()
        before = life.manager.outbox.saved_bytes
        assert before > 0
        life.again()
        assert life.manager.outbox.saved_bytes == before


class Flooding(ProcessManager):
    @on(Posted)
    def posted(self, event: Posted, send: Send) -> None:
        for number in itertools.count():
            send(Put(f"box-{number}", parcel="p"))


def test_a_handler_that_never_stops_sending_fails_before_it_takes_much() -> None:
    app = create({})
    spec = ProcessManagerSpec("flooding", Flooding, Flooding)
    flooding = manager.Manager(app, spec, Birth([0]), log=no_log)
    commit = Commit("p", 1, uuid7_hex(), 1, 1, [Posted("a", 0)], correlation=None)
    tracemalloc.start()
    try:
        with pytest.raises(HandlerFailed) as failed:
            flooding.apply(0, 1, [commit])
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()
    assert "one step sends at most 24 MiB" in str(failed.value.__cause__)
    assert not flooding.outbox.wants_out, "nothing is left of a step that fails"


class Counting(ProcessManager):
    @on(Posted)
    def posted(self, event: Posted, state: Table[int]) -> None:
        state["p"] = (state.get("p") or 0) + 1


def test_a_state_that_was_saved_in_another_form_says_what_a_process_manager_can_do() -> None:
    spec = ProcessManagerSpec("counting", Counting, Counting)
    counting = manager.Manager(create({}), spec, Birth([0]), log=no_log)
    counting.load([(b"sp", b'"one"')])
    hint = r"give new fields defaults .* remove data.mdb and lock.mdb in managers/counting"
    with pytest.raises(TypeError, match=hint):
        dict(counting.state)


def test_a_record_that_does_not_follow_is_read_from_the_store_with_what_is_missing(tmp_path: Path) -> None:
    parcels = [PostParcel(f"p{k}", box="a") for k in range(3)]
    with world(create({}), tmp_path) as (node, life):
        life.intake.read()
        assert not life.intake.behind
        for parcel in parcels:
            node.post(parcel)
        records = list(node.reader.records())
        life.intake.accept(0, 3, 3, records[2][1])
        assert life.fold.positions == [0]
        assert life.intake.behind
        life.intake.accept(0, 1, 1, records[0][1])
        assert life.fold.positions == [0], "the store has it too, in its place"
        life.intake.read()
        assert life.fold.positions == [3]
        life.intake.accept(0, 2, 2, records[1][1])
        assert len(life.manager.outbox) == 3


def test_the_store_is_read_in_the_order_of_commands_over_all_partitions(tmp_path: Path) -> None:
    app = create({})
    order = [(1, 1), (2, 0), (3, 1), (4, 1), (7, 0), (8, 0), (9, 1)]  # (sequence, partition)
    writers = [Writer(tmp_path / f"store-{p}", MAP, index_key=NO_INDEX_KEY) for p in range(2)]
    for sequence, partition in order:
        position = writers[partition].position + 1
        commit = Commit(f"p{sequence}", 1, f"{sequence:032x}", sequence, sequence, [Posted("a", 0)])
        writers[partition].commit([batch_of([commit], first_position=position, last_sequence=sequence)])
    readers = [StoreReader(writer) for writer in writers]
    manager_ = manager.Manager(app, app.process_managers["relay"], Birth([0, 0]), log=no_log)
    fold = Fold(app, manager_, tmp_path / "relay", readers, MAP, log=no_log)
    intake = Intake(fold, manager_)
    while intake.behind:
        intake.read()
    parcels = [msgspec.to_builtins(entry.command)["parcel"] for entry in manager_.outbox]
    assert parcels == [f"p{sequence}" for sequence, _ in order]
    fold.close()
    for writer in writers:
        writer.close()
