"""From a command's id to its commit, its remembered outcome and what it led to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.identity import NO_INDEX_KEY, uuid7_hex
from engine.model.commit import Commit
from engine.store import Child, Reader, Writer
from engine.wire.answers import Rejected, Unchanged, encode_answers
from engine.wire.batches import Batch, encode_child
from tests.unit.engine.store.batches import batch_of

MAP = 16 << 20
KEEP = 10
PARENT, OTHER = uuid7_hex(), uuid7_hex()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path / "store-0000", MAP, keep_outcomes=KEEP, index_key=NO_INDEX_KEY)
    yield writer
    writer.close()


@pytest.fixture
def reader(writer: Writer) -> Reader:
    return Reader.beside(writer)


def committed(id: str, sequence: int, position: int, causation: str = "") -> Batch:
    commit = Commit("a", position, id, sequence, 1, [{"type": "x"}])
    batch = batch_of([commit], first_position=position, last_sequence=sequence)
    return batch._replace(children=encode_child(causation, id, position) if causation else b"")


def refused(id: str, sequence: int, position: int, causation: str = "") -> Batch:
    answer = Rejected(id, "no", "", None, causation or None).encode()
    children = encode_child(causation, id, 0) if causation else b""
    return Batch(sequence, sequence, position + 1, 0, b"", b"", b"", encode_answers([answer]), b"", b"", 0,
                 children)  # fmt: skip


def test_a_command_is_found_with_its_position(writer: Writer, reader: Reader) -> None:
    first, second = uuid7_hex(), uuid7_hex()
    writer.commit([committed(first, 1, 1), committed(second, 2, 2)])
    commit = reader.find_command(second)
    assert commit is not None
    assert (commit.position, commit.commit.command) == (2, second)
    assert reader.find_command(uuid7_hex()) is None


def test_children_are_found_in_the_order_of_their_ids(writer: Writer, reader: Reader) -> None:
    one, two, three = uuid7_hex(), uuid7_hex(), uuid7_hex()
    writer.commit([committed(two, 1, 1, PARENT), refused(one, 2, 1, PARENT), committed(three, 3, 2, OTHER)])
    assert list(reader.children_of(PARENT)) == [Child(one, 0, 2), Child(two, 1, 1)]
    assert list(reader.children_of(OTHER)) == [Child(three, 2, 3)]
    assert list(reader.children_of(one)) == []


def test_an_outcome_is_found_with_and_without_its_place(writer: Writer, reader: Reader) -> None:
    one, two = uuid7_hex(), uuid7_hex()
    both = encode_answers([Unchanged(one, OTHER).encode(), Rejected(two, "no", one).encode()])
    writer.commit([refused(uuid7_hex(), 1, 0), Batch(2, 3, 1, 0, b"", b"", b"", both, b"", b"")])
    for sequence in (0, 3):
        unchanged, rejected = reader.find_outcome(one, sequence), reader.find_outcome(two, sequence)
        assert unchanged is not None
        assert (unchanged.outcome, unchanged.correlation) == ("unchanged", OTHER)
        assert rejected is not None
        assert (rejected.outcome, rejected.code) == ("rejected", "no")
    assert reader.find_outcome(one, 2) is None, "it is not there"
    assert reader.find_outcome(uuid7_hex()) is None


def test_a_child_is_forgotten_with_its_outcome(writer: Writer, reader: Reader) -> None:
    gone, stays = uuid7_hex(), uuid7_hex()
    writer.commit([refused(gone, 1, 0, PARENT), committed(stays, 2, 1, PARENT)])
    for sequence in range(3, 2 * KEEP):
        writer.commit([refused(uuid7_hex(), sequence, 1)])
    assert reader.find_outcome(gone) is None
    assert list(reader.children_of(PARENT)) == [Child(stays, 1, 2)]


def test_a_command_that_is_decided_anew_much_later_stays_a_child(writer: Writer, reader: Reader) -> None:
    id = uuid7_hex()
    writer.commit([refused(id, 1, 0, PARENT)])
    writer.commit([committed(id, 2, 1, PARENT)])
    for sequence in range(3, 2 * KEEP):
        writer.commit([refused(uuid7_hex(), sequence, 1)])
    assert reader.find_outcome(id) is None
    assert list(reader.children_of(PARENT)) == [Child(id, 1, 2)]


def test_many_children_are_read_page_by_page(writer: Writer, reader: Reader) -> None:
    ids = sorted(uuid7_hex() for _ in range(700))
    writer.commit([committed(id, n, n, PARENT) for n, id in enumerate(ids, 1)])
    assert [child.command for child in reader.children_of(PARENT)] == ids
