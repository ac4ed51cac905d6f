"""The event store: what one transaction keeps, and what it refuses."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import lmdb
import pytest

from engine.base.errors import CorruptData, Fault, InvariantBroken, NoSpace
from engine.base.identity import NO_INDEX_KEY, aggregate_key, uuid7_hex
from engine.model.commit import Commit
from engine.store import Reader, Writer
from engine.store.format import INDEX_KEY, word
from engine.store.writer import Impossible
from engine.wire.batches import Batch
from tests.unit.engine.store.batches import batch_of, outcome

MAP = 64 << 20


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "store", MAP, index_key=NO_INDEX_KEY)


def ids(count: int) -> list[str]:
    return [uuid7_hex() for _ in range(count)]


def commit(aggregate: str, version: int, command: str, sequence: int) -> Commit:
    return Commit(aggregate, version, command, sequence, 1000 + sequence, [{"type": "x", "n": version}])


def read(writer: Writer) -> Reader:
    writer.close()  # one process may open an environment only once
    return Reader(writer.path, MAP)


def test_a_stored_batch_is_read_by_position_by_aggregate_and_by_command(writer: Writer) -> None:
    first, second, third = ids(3)
    commits = [commit("a", 1, first, 1), commit("b", 1, second, 2), commit("a", 2, third, 3)]
    writer.commit([batch_of(commits, first_position=1, last_sequence=3)])
    found = writer.find_command(third)
    assert found is not None
    assert (found[0].version, found[1]) == (2, 3)
    reader = read(writer)
    assert [(p, c.aggregate, c.version) for p, c in reader.commits()] == [
        (1, "a", 1),
        (2, "b", 1),
        (3, "a", 2),
    ]
    assert [c.version for c in reader.stream("a")] == [1, 2]
    assert [c.command for c in reader.stream("b")] == [second]
    assert reader.watermark() == (3, 3)


def test_reading_can_start_in_the_middle_of_a_record(writer: Writer) -> None:
    commits = [commit("a", n, id, n) for n, id in enumerate(ids(5), 1)]
    writer.commit([batch_of(commits, first_position=1, last_sequence=5)])
    assert [p for p, _ in read(writer).commits(after=3)] == [4, 5]


def test_many_batches_go_into_one_transaction_in_order(writer: Writer) -> None:
    batches = [
        batch_of([commit("a", n, id, n)], first_position=n, last_sequence=n)
        for n, id in enumerate(ids(700), 1)
    ]
    writer.commit(batches)
    reader = read(writer)
    assert [p for p, _ in reader.commits()] == list(range(1, 701))
    assert len(list(reader.stream("a", after_version=600))) == 100


def test_a_second_event_under_one_version_of_an_aggregate_is_refused_and_nothing_is_kept(
    writer: Writer,
) -> None:
    one, two = ids(2)
    writer.commit([batch_of([commit("a", 1, one, 1)], first_position=1, last_sequence=1)])
    with pytest.raises(Impossible, match="cannot be stored") as refused:
        writer.commit([batch_of([commit("a", 1, two, 2)], first_position=2, last_sequence=2)])
    assert refused.value.refusal[:3] == (2, two, "a")
    assert writer.find_command(two) is None
    assert read(writer).watermark() == (1, 1)


def test_a_command_stored_twice_for_an_aggregate_is_refused(writer: Writer) -> None:
    (one,) = ids(1)
    writer.commit([batch_of([commit("a", 1, one, 1)], first_position=1, last_sequence=1)])
    with pytest.raises(Impossible, match="this command is stored already"):
        writer.commit([batch_of([commit("a", 2, one, 2)], first_position=2, last_sequence=2)])


def test_a_gap_in_positions_is_refused(writer: Writer) -> None:
    with pytest.raises(InvariantBroken, match="contiguous"):
        writer.commit([batch_of([commit("a", 1, ids(1)[0], 1)], first_position=5, last_sequence=1)])


def test_outcomes_that_were_not_commits_are_remembered_and_in_time_forgotten(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "store", MAP, keep_outcomes=10, index_key=NO_INDEX_KEY)
    names = ids(40)
    for n, id in enumerate(names, 1):
        writer.commit([Batch(n, n, 1, 0, b"", b"", b"", b"[" + outcome(id) + b"]", b"", b"")])
    reader = read(writer)
    assert [id for id, _ in reader.remembered(upto=40)] == names[-10:]
    assert [id for id, _ in reader.remembered(upto=35)] == names[-10:-5]
    row = len(outcome(names[0])) + 2
    assert [id for id, _ in reader.remembered(upto=40, most_bytes=3 * row)] == names[-3:]
    assert [id for id, _ in reader.remembered(upto=35, most_bytes=1)] == names[-6:-5]


def test_the_watermark_survives_reopening(writer: Writer) -> None:
    writer.commit([batch_of([commit("a", 1, ids(1)[0], 7)], first_position=1, last_sequence=9)])
    path = writer.path
    writer.close()
    again = Writer(path, MAP, index_key=NO_INDEX_KEY)
    assert (again.sequence, again.position) == (9, 1)


def test_a_flipped_bit_in_a_record_is_named_by_its_position(writer: Writer) -> None:
    writer.commit([batch_of([commit("a", 1, ids(1)[0], 1)], first_position=1, last_sequence=1)])
    with writer.env.begin(write=True) as txn:
        value = bytearray(txn.get(word(1), db=writer.tables.log))
        value[20] ^= 4
        txn.put(word(1), bytes(value), db=writer.tables.log)
    with pytest.raises(CorruptData, match=r"checksum.*table=log, key=1"):
        list(read(writer).commits())


def test_a_full_map_is_no_space_and_keeps_nothing(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "store", 256 << 10, index_key=NO_INDEX_KEY)
    id = ids(1)[0]
    big = Commit("a", 1, id, 1, 1, [{"type": "x", "blob": "y" * 400_000}])
    with pytest.raises(NoSpace):
        writer.commit([batch_of([big], first_position=1, last_sequence=1)])
    writer.commit([batch_of([commit("a", 1, id, 1)], first_position=1, last_sequence=1)])
    assert writer.find_command(id) is not None


def test_a_missing_store_is_a_fault_for_a_reader(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="reading"):
        Reader(tmp_path / "nowhere", MAP)


def test_the_command_index_is_keyed_command_first(writer: Writer) -> None:
    (id,) = ids(1)
    writer.commit([batch_of([commit("a", 1, id, 1)], first_position=1, last_sequence=1)])
    path = str(writer.path)
    writer.close()
    with lmdb.open(path, max_dbs=8, readonly=True) as env, env.begin() as txn:
        keys = list(txn.cursor(env.open_db(b"commands", txn=txn)).iternext(values=False))
    assert keys == [bytes.fromhex(id) + aggregate_key(NO_INDEX_KEY, "a")]


def test_a_store_of_another_data_directory_is_refused(writer: Writer) -> None:
    writer.close()
    with pytest.raises(CorruptData, match="another data directory"):
        Writer(writer.path, MAP, index_key=bytes(range(16)))


def test_a_store_that_is_made_without_an_index_key_gets_a_random_one(tmp_path: Path) -> None:
    first, second = Writer(tmp_path / "a", MAP), Writer(tmp_path / "b", MAP)
    assert len(first.index_key) == len(second.index_key) == 16
    assert first.index_key != second.index_key
    first.close()
    second.close()


READS: dict[str, Callable[[Reader, str], Iterable[Any]]] = {
    "log": lambda reader, _: reader.records(),
    "versions": lambda reader, _: reader.stream("a"),
    "commands": lambda reader, id: [reader.find_command(id)],
    "outcomes": lambda reader, _: reader.remembered(9),
    "children": lambda reader, id: reader.children_of(id),
    "meta": lambda reader, _: [reader.position(), reader.sequence()],
}


@pytest.mark.parametrize("table", READS)
def test_a_flipped_bit_in_any_table_is_named_with_table_and_key(writer: Writer, table: str) -> None:
    first, second, other = ids(3)
    batch = batch_of([commit("a", 1, first, 1)], first_position=1, last_sequence=2)
    child = bytes.fromhex(first + second) + word(0)
    writer.commit([batch._replace(children=child, outcomes=b"[" + outcome(other) + b"]")])
    rows = getattr(writer.tables, table)
    with writer.env.begin(write=True) as txn:
        for key, value in list(txn.cursor(rows)):
            if key != INDEX_KEY:
                txn.put(key, value[:-1] + bytes([value[-1] ^ 1]), db=rows)
    reader = Reader.beside(writer)
    with pytest.raises(CorruptData, match=f"checksum.*path={writer.path}, table={table}, key="):
        list(READS[table](reader, first))


def test_a_record_that_is_missing_between_others_is_named_from_both_sides(writer: Writer) -> None:
    for n, id in enumerate(ids(3), 1):
        writer.commit([batch_of([commit("a", n, id, n)], first_position=n, last_sequence=n)])
    with writer.env.begin(write=True) as txn:
        txn.delete(word(2), db=writer.tables.log)
    reader = read(writer)
    for records in (reader.records(), reader.records_back()):
        with pytest.raises(CorruptData, match=f"missing between two others .path={writer.path}, position=2"):
            list(records)


@pytest.mark.parametrize("table", ["log", "outcomes"])
def test_what_is_not_beyond_the_last_row_is_not_left_out_in_silence(writer: Writer, table: str) -> None:
    with writer.env.begin(write=True) as txn:
        txn.put(word(900), b"[]", db=getattr(writer.tables, table))
    (id,) = ids(1)
    batch = batch_of([commit("a", 1, id, 1)], first_position=1, last_sequence=1)
    with pytest.raises(CorruptData, match=r"rows beyond the last one that it knows of .*first=1"):
        writer.commit([batch._replace(outcomes=b"[" + outcome(id) + b"]")])
    assert (writer.sequence, writer.position, writer.find_command(id)) == (0, 0, None)


def test_indexes_that_refuse_what_they_do_not_hold_are_damaged_data_and_no_bug(writer: Writer) -> None:
    (id,) = ids(1)
    batch = batch_of([commit("a", 1, id, 1)], first_position=1, last_sequence=1)
    twice = batch._replace(heads=2 * batch.heads)
    with pytest.raises(CorruptData, match="the indexes refuse what is not in them"):
        writer.commit([twice])
