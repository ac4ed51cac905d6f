"""The parts of a process manager: ids, timers, outbox, birth, intake."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Commit
from engine.follow import Fold
from engine.manage import birth, manager
from engine.manage.identity import derived_id, seed_of_event, seed_of_refusal, time_of
from engine.manage.intake import Intake
from engine.manage.outbox import Outbox
from engine.manage.timers import NEVER_NS, Timers
from engine.model.messages import Command
from engine.model.processes import Refusal
from engine.operate.errors import CorruptData
from engine.store import Writer
from tests.unit.engine.follow.kit import Log, StoreReader
from tests.unit.engine.manage.relay import Posted, PostParcel, Put, create, effects, wished
from tests.unit.engine.manage.world import MAP, world
from tests.unit.engine.store.batches import batch_of

NOW_NS = 1_764_000_000_123_456_789
SEED = seed_of_event("relay", 0, 1, "0" * 32)


def put(k: int) -> Put:
    return Put("a", parcel="p", id=f"{k:032x}")


def decode(body: bytes) -> Command:
    return msgspec.json.decode(body, type=Put)


# ---------------------------------------------------------------------- ids


def test_a_derived_id_has_the_shape_of_a_uuid_of_version_7() -> None:
    id = derived_id(NOW_NS, SEED, 0)
    assert re.fullmatch("[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", id)
    assert int(id[:12], 16) == NOW_NS // 1_000_000


def test_a_derived_id_never_changes() -> None:
    assert derived_id(NOW_NS, SEED, 0) == "019ab697e87b774f984de8dd2cbebee5"


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_derived_ids_are_in_the_order_of_their_times(one_ns: int, other_ns: int) -> None:
    low, high = sorted((one_ns, other_ns))
    assert derived_id(low, SEED, 0)[:16] <= derived_id(high, SEED, 0)[:16]


@given(st.integers(0, 2**62))
def test_the_time_of_an_id_gives_its_time_bits_again(time_ns: int) -> None:
    id = derived_id(time_ns, SEED, 0)
    assert derived_id(time_of(id), SEED, 0) == id


def test_whatever_differs_gives_another_id() -> None:
    command = "0" * 32
    seeds = [
        seed_of_event("relay", 0, 1, command),
        seed_of_event("relay2", 0, 1, command),
        seed_of_event("relay", 1, 1, command),
        seed_of_event("relay", 0, 2, command),
        seed_of_event("relay", 0, 1, "1" * 32),
        seed_of_refusal("relay", command),
        seed_of_refusal("relay", "1" * 32),
    ]
    ids = {derived_id(NOW_NS, seed, number) for seed in seeds for number in range(12)}
    assert len(ids) == len(seeds) * 12


# ---------------------------------------------------------------------- timers


def test_timers_fire_the_earliest_first_and_once() -> None:
    timers = Timers()
    for k, due in enumerate((30, 10, 20)):
        timers.set(due, "", put(k))
    assert timers.next_due_ns == 10
    assert timers.fire(9, 10) == []
    assert timers.fire(20, 10) == [put(1), put(2)]
    assert timers.fire(20, 10) == []
    assert timers.fire(1000, 10) == [put(0)]
    assert timers.next_due_ns == NEVER_NS


def test_no_more_fire_at_a_time_than_asked_for() -> None:
    timers = Timers()
    for k in range(5):
        timers.set(k, "", put(k))
    assert [len(timers.fire(10, 2)) for _ in range(4)] == [2, 2, 1, 0]


def test_a_timer_with_the_same_key_is_replaced_and_one_without_is_not() -> None:
    timers = Timers()
    timers.set(10, "k", put(0))
    timers.set(20, "k", put(1))
    timers.set(20, "", put(2))
    timers.set(20, "", put(3))
    timers.cancel("")
    assert timers.fire(15, 10) == []
    assert timers.fire(25, 10) == [put(1), put(2), put(3)]


def test_a_cancelled_timer_does_not_fire_and_a_fired_one_cannot_be_cancelled() -> None:
    timers = Timers()
    timers.set(10, "k", put(0))
    timers.cancel("k")
    timers.cancel("k")
    assert timers.fire(20, 10) == []
    timers.set(10, "k", put(1))
    assert timers.fire(20, 10) == [put(1)]
    timers.cancel("k")
    assert len(timers) == 0


@given(st.lists(st.tuples(st.sampled_from("sscf"), st.integers(0, 4), st.integers(0, 20))))
def test_what_is_saved_and_loaded_again_fires_the_same(steps: list[tuple[str, int, int]]) -> None:
    timers, stored = Timers(), dict[bytes, bytes]()
    for number, (what, key, at) in enumerate(steps):
        if what == "s":
            timers.set(at, str(key) if key else "", put(number))
        elif what == "c":
            timers.cancel(str(key))
        else:
            timers.fire(at, 2)
        if number % 2:
            save(timers, stored)
    save(timers, stored)
    again = Timers()
    again.load(sorted(stored.items()), decode)
    assert again.pending() == timers.pending()
    assert again.fire(100, 100) == timers.fire(100, 100)


def test_a_key_that_is_set_again_and_again_takes_no_room() -> None:
    timers = Timers()
    for k in range(1000):
        timers.set(k, "k", put(k))
    assert len(timers) == 1
    assert len(timers._due) < 100


def save(part: Timers | Outbox, stored: dict[bytes, bytes]) -> None:
    for key, value in part.changes():
        if value is None:
            stored.pop(key, None)
        else:
            stored[key] = value


# ---------------------------------------------------------------------- outbox


def test_an_outbox_that_is_loaded_again_has_everything_leave_in_order() -> None:
    outbox, stored = Outbox(), dict[bytes, bytes]()
    for k in (5, 3, 4, 9):
        outbox.add(put(k))
    save(outbox, stored)
    outbox.durable()
    assert outbox.leaving(2) == [put(5), put(3)]
    assert outbox.leaving(9) == [put(4), put(9)]
    answered = outbox.find(put(3).id)
    refused = outbox.find(put(4).id)
    assert answered is not None
    assert refused is not None
    outbox.remove(answered)
    outbox.refused(refused, Refusal("rejected", "no-room", "text"))
    save(outbox, stored)
    again = Outbox()
    again.load(sorted(stored.items()), decode)
    assert again.leaving(9) == [put(5), put(9)]
    (entry,) = again.refusals()
    assert entry.refusal == Refusal("rejected", "no-room", "text")
    again.add(put(1))
    save(again, stored)
    third = Outbox()
    third.load(sorted(stored.items()), decode)
    assert third.leaving(9) == [put(5), put(9), put(1)]


def test_a_command_that_is_there_already_is_not_taken_twice() -> None:
    outbox = Outbox()
    outbox.add(put(1))
    outbox.add(put(1))
    assert len(outbox) == 1


# ---------------------------------------------------------------------- birth


def test_a_birth_is_written_once(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append("a", "b")
    log.writer.close()
    (tmp_path / "store").rename(tmp_path / "store-0000")
    assert birth.record_births(tmp_path, ["p", "q"], 2, MAP) == ["p", "q"]
    assert birth.read_birth(tmp_path, "p", 2) == [2, 0]
    writer = Writer(tmp_path / "store-0001", MAP)
    writer.close()
    assert birth.record_births(tmp_path, ["p", "q", "r"], 2, MAP) == ["r"]
    assert birth.record_births(tmp_path, ["p", "q", "r"], 2, MAP) == []


def test_whoever_is_born_with_the_data_directory_has_no_history(tmp_path: Path) -> None:
    assert birth.record_births(tmp_path, ["p"], 2, MAP) == []
    assert birth.read_birth(tmp_path, "p", 2) == [0, 0]


def test_a_birth_that_is_lost_or_damaged_is_not_guessed(tmp_path: Path) -> None:
    birth.record_births(tmp_path, ["p"], 1, MAP)
    file = tmp_path / "processes" / "p" / "birth.json"
    for text in ("", "{}", "[]", '{"positions": [1, 2]}', '{"positions": ["1"]}', '{"positions": 1}'):
        file.write_text(text)
        with pytest.raises(CorruptData):
            birth.read_birth(tmp_path, "p", 1)
    (file.parent / "data.mdb").touch()
    file.unlink()
    with pytest.raises(CorruptData, match="birth of a process manager is lost"):
        birth.record_births(tmp_path, ["p"], 1, MAP)


# ---------------------------------------------------------------------- intake


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


def test_a_record_that_does_not_follow_is_read_from_the_store_with_what_is_missing(tmp_path: Path) -> None:
    parcels = [PostParcel(f"p{k}", box="a") for k in range(3)]
    with world(create({}), tmp_path) as (node, life):
        life.intake.read()
        assert not life.intake.behind
        for parcel in parcels:
            node.post(parcel)
        records = list(node.reader.records())
        life.intake.take(0, 3, 3, records[2][1])
        assert life.fold.positions == [0]
        assert life.intake.behind
        life.intake.take(0, 1, 1, records[0][1])
        assert life.fold.positions == [0], "the store has it too, in its place"
        life.intake.read()
        assert life.fold.positions == [3]
        life.intake.take(0, 2, 2, records[1][1])
        assert len(life.manager.outbox) == 3


def test_the_store_is_read_in_the_order_of_commands_over_all_partitions(tmp_path: Path) -> None:
    app = create({})
    order = [(1, 1), (2, 0), (3, 1), (4, 1), (7, 0), (8, 0), (9, 1)]  # (sequence, partition)
    writers = [Writer(tmp_path / f"store-{p}", MAP) for p in range(2)]
    for sequence, partition in order:
        position = writers[partition].position + 1
        commit = Commit(f"p{sequence}", 1, f"{sequence:032x}", sequence, sequence, [Posted("a", 0)])
        writers[partition].commit([batch_of([commit], first_position=position, last_sequence=sequence)])
    readers = [StoreReader(writer) for writer in writers]
    manager_ = manager.Manager(app, app.processes["relay"], [0, 0], log=print)
    fold = Fold(app, manager_, tmp_path / "relay", readers, MAP, log=print)
    intake = Intake(fold, manager_)
    while intake.behind:
        intake.read()
    parcels = [msgspec.to_builtins(entry.command)["parcel"] for entry in manager_.outbox]
    assert parcels == [f"p{sequence}" for sequence, _ in order]
    fold.close()
    for writer in writers:
        writer.close()
