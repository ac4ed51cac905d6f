"""Appending from outside: how the store's writer learns of it, whichever of the two was there first."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import ConfigError, CorruptData, InvariantBroken
from engine.base.identity import NO_INDEX_KEY, uuid7_hex
from engine.base.seals import seal
from engine.model.commit import Commit
from engine.model.messages import ApplicationMessage, Event
from engine.store import Conflict, Writer
from engine.store.foreign import append_to
from engine.store.format import Tables, word
from engine.store.place import Place
from engine.wire.batches import Batch
from tests.unit.engine.store.batches import batch_of, key_of, outcome

MAP = 64 << 20


class Moved(Event, name="foreign-unit.moved"): ...


class Told(ApplicationMessage, name="foreign-unit.told"): ...


class Weighed(Event, name="foreign-unit.weighed"):
    grams: int


def deposit(position: int, sequence: int) -> Batch:
    commit = Commit(f"a{position}", 1, uuid7_hex(), sequence, 1000 + sequence, [{"type": "x"}])
    return batch_of([commit], first_position=position, last_sequence=sequence)


def rejection(position: int, sequence: int) -> Batch:
    answers = b"[" + outcome(uuid7_hex()) + b"]"
    return Batch(sequence, sequence, position, 0, b"", b"", b"", answers, b"", b"")


@pytest.mark.parametrize("make", [deposit, rejection])
@pytest.mark.parametrize("reopened", [False, True])
def test_what_was_decided_before_an_append_is_not_stored_though_the_writer_is_newer(
    tmp_path: Path, make: Callable[[int, int], Batch], reopened: bool
) -> None:
    writer = Writer(tmp_path, MAP, index_key=NO_INDEX_KEY)
    writer.commit([deposit(1, 1)])
    append_to(writer.env, "z", [Moved()])
    if reopened:
        writer.close()
        writer = Writer(tmp_path, MAP, index_key=NO_INDEX_KEY)
    with pytest.raises(Conflict):
        writer.commit([make(2, 2)])
    writer.commit([make(3, 2)])
    assert (writer.sequence, writer.position) == (2, 3 if make is deposit else 2)


def test_what_was_decided_in_the_knowledge_of_an_append_is_stored_though_the_writer_is_older(
    tmp_path: Path,
) -> None:
    writer = Writer(tmp_path, MAP, index_key=NO_INDEX_KEY)
    append_to(writer.env, "z", [Moved()])
    writer.commit([deposit(2, 1), rejection(3, 2), deposit(3, 3)])
    assert (writer.sequence, writer.position) == (3, 3)


def test_what_was_decided_after_something_that_is_not_stored_breaks_an_invariant(tmp_path: Path) -> None:
    writer = Writer(tmp_path, MAP, index_key=NO_INDEX_KEY)
    with pytest.raises(InvariantBroken, match="not contiguous"):
        writer.commit([deposit(2, 1)])
    with pytest.raises(InvariantBroken, match="not contiguous"):
        writer.commit([deposit(1, 1), rejection(3, 2)])
    assert (writer.sequence, writer.position) == (0, 0)


@pytest.mark.parametrize("id", ["A" * 32, "a" * 31, "a" * 34, "a " * 16, "g" * 32])
def test_an_id_that_no_client_could_send_is_refused(tmp_path: Path, id: str) -> None:
    writer = Writer(tmp_path, MAP, index_key=NO_INDEX_KEY)
    with pytest.raises(ConfigError, match="32 lower-case hex digits"):
        append_to(writer.env, "z", [Moved()], command=id)


def test_an_event_that_could_not_be_read_again_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    writer = Writer(tmp_path, MAP, index_key=NO_INDEX_KEY)
    wrong: Any = 7 / 2
    with pytest.raises(ConfigError, match=r"does not fit its class.*event=Weighed.*grams: Expected `int`"):
        append_to(writer.env, "z", [Moved(), Weighed(wrong)])
    assert append_to(writer.env, "z", [Weighed(7)]) == (1, 1)


def plant(writer: Writer, table: str, key: bytes, value: bytes) -> None:
    """A row as damage could leave it."""
    tables: Tables = writer.tables
    with writer.env.begin(write=True) as txn:
        txn.put(key, seal(key, value), db=getattr(tables, table))


def test_an_id_that_would_be_the_highest_for_years_is_refused(tmp_path: Path) -> None:
    writer = Writer(tmp_path, MAP, index_key=NO_INDEX_KEY)
    with pytest.raises(ConfigError, match="more than an hour ahead"):
        append_to(writer.env, "z", [Moved()], command="f" * 32)
    assert append_to(writer.env, "z", [Moved()], command=uuid7_hex()) == (1, 1)


@pytest.mark.parametrize("aggregate", ["", "票" * 67, "lone \ud800"])
def test_an_aggregate_that_no_client_could_name_is_refused(tmp_path: Path, aggregate: str) -> None:
    writer = Writer(tmp_path, MAP, index_key=NO_INDEX_KEY)
    with pytest.raises(ConfigError, match="a text of 1 to 200 bytes"):
        append_to(writer.env, aggregate, [Moved()])
    assert append_to(writer.env, "票" * 66, [Moved()]) == (1, 1)


def test_an_application_message_alone_cannot_begin_an_aggregate_here_either(tmp_path: Path) -> None:
    writer = Writer(tmp_path, MAP, index_key=NO_INDEX_KEY)
    with pytest.raises(ConfigError, match="alone cannot begin an aggregate"):
        append_to(writer.env, "z", [Told()])
    assert append_to(writer.env, "z", [Told(), Moved()]) == (1, 1)
    assert append_to(writer.env, "z", [Told()]) == (2, 2)


def test_an_aggregate_whose_place_in_the_index_is_taken_gets_no_version_of_another(tmp_path: Path) -> None:
    writer = Writer(tmp_path, MAP, index_key=NO_INDEX_KEY)
    append_to(writer.env, "a", [Moved()])
    plant(writer, "versions", key_of("b") + word(1), word(1))
    with pytest.raises(CorruptData, match=r"points to a record without it.*aggregate=b"):
        append_to(writer.env, "b", [Moved()])


def test_an_append_below_a_later_row_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    writer = Writer(tmp_path, MAP, index_key=NO_INDEX_KEY)
    plant(writer, "log", word(900), b"")
    with pytest.raises(CorruptData, match="rows beyond the last one"):
        append_to(writer.env, "a", [Moved()])
    with writer.env.begin() as txn:
        assert not list(txn.cursor(writer.tables.versions))


def test_what_follows_the_log_of_a_cluster_takes_nothing_beside_it(tmp_path: Path) -> None:
    writer = Writer(tmp_path, MAP, index_key=NO_INDEX_KEY)
    writer.commit([deposit(1, 1)], Place(1, 1, 1, 1).encode())
    with pytest.raises(ConfigError, match="log of a cluster"):
        append_to(writer.env, "z", [Moved()])
    assert writer.position == 1
