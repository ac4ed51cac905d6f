"""Storing and answering: however often batches are delivered, they are stored once and answered each time."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import CorruptData, NoSpace
from engine.base.identity import NO_INDEX_KEY
from engine.base.seals import seal
from engine.journal.refused import read_refused
from engine.model.commit import Commit
from engine.stages.storing import JOINED_BYTES, Stored, Storing
from engine.store import Reader, Writer
from engine.store.foreign import append_to
from engine.store.format import word
from engine.store.writer import Impossible
from engine.wire.batches import Batch, decode_replies, encode_duplicates, encode_reply
from tests.unit.engine.cli.sample import Added
from tests.unit.engine.store.batches import batch_of, key_of

MAP = 16 << 20
PARTITION = 3


@contextmanager
def store() -> Iterator[Writer]:
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder) / "store", MAP, index_key=NO_INDEX_KEY)
        yield writer
        writer.close()


def storing_of(writer: Writer) -> Storing:
    """A new life of the output."""
    return Storing(writer, PARTITION, refused_of(writer))


def refused_of(writer: Writer) -> Path:
    return writer.path.with_name("refused")


def batches(many: int, commits: int = 2, epoch: int = 0) -> list[Batch]:
    """Each of some commits of one aggregate."""
    made = []
    for number in range(many):
        first = number * commits + 1
        some = [
            Commit("a", at, f"{at:032x}", at, at, [{"type": "sample.added", "number": at}])
            for at in range(first, first + commits)
        ]
        batch = batch_of(some, first_position=first, last_sequence=first + commits - 1)
        reply = encode_reply(b"who", commits, b"%d" % number)
        made.append(batch._replace(replies=reply, epoch=epoch))
    return made


def asking_again(first: int, ids: list[str]) -> Batch:
    """A batch of nothing but commands that were committed before."""
    duplicates = encode_duplicates([(b"me", id) for id in ids])
    return Batch(first, first + len(ids) - 1, first, 0, b"", b"", b"", b"", b"", duplicates)


def answered(stored: Stored) -> list[Any]:
    """(client, answers) of all that has to leave."""
    return [
        (who, msgspec.json.decode(b"[" + body + b"]"))
        for records in stored.answers
        for record in records
        for who, _, body in decode_replies(record)
    ]


def versions(writer: Writer) -> list[int]:
    return [commit.version for commit in Reader.beside(writer).stream("a")]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6)), max_size=8))
def test_however_batches_are_grouped_and_delivered_again_each_is_stored_once(
    deliveries: list[tuple[int, int]],
) -> None:
    made = batches(6)
    with store() as writer:
        done = 0
        for back, many in [*deliveries, (6, 12)]:
            begin = max(0, done - back)  # a crash before the release delivers what was stored once more
            some = made[begin : begin + many]
            stored = storing_of(writer).store(some)  # a new life each time
            done = max(done, begin + len(some))
            assert stored.conflict is None
            assert answered(stored) == [(b"who", [begin + n]) for n in range(len(some))]
            assert [notice.record for notice in stored.notices] == [batch.log for batch in some]
            assert [notice.last_position for notice in stored.notices] == [b.last_position for b in some]
            assert (writer.sequence, writer.position) == (2 * done, 2 * done)
        assert versions(writer) == list(range(1, 13))


def committed(number: int) -> dict[str, object]:
    """The answer to a command of `batches`."""
    id = f"{number:032x}"
    return {
        "outcome": "committed", "id": id, "version": number, "partition": PARTITION, "position": number
    }  # fmt: skip


def test_commands_that_were_committed_before_are_answered_from_the_store_to_each_who_asks() -> None:
    first, second = batches(2)
    with store() as writer:
        storing = storing_of(writer)
        storing.store([first])
        asked = [(b"you", 2), (b"you", 1), (b"she", 2), (b"you", 2)]
        again = second._replace(duplicates=encode_duplicates([(who, f"{n:032x}") for who, n in asked]))
        stored = storing.store([again])
        assert answered(stored) == [
            (b"who", [1]),
            (b"you", [committed(1), committed(2), committed(2)]),
            (b"she", [committed(2)]),
        ]
    rung = [(notice.partition, notice.first_position, notice.last_position) for notice in stored.notices]
    assert rung == [(PARTITION, 3, 4)], "what is known already is not rung again; a beat tells who missed it"


def test_a_record_is_read_once_however_many_of_its_commands_are_sent_again() -> None:
    (batch,) = batches(1, commits=500)
    beats: list[None] = []
    with store() as writer:
        storing = Storing(writer, PARTITION, refused_of(writer), beat=lambda: beats.append(None))
        storing.store([batch])
        ids = [f"{number:032x}" for number in range(1, 501)]
        again = asking_again(501, ids)
        (answers,) = (body for _, body in answered(storing.store([again])))
    assert answers == [committed(number) for number in range(1, 501)]
    assert len(beats) == 1


def test_answers_to_what_is_sent_again_are_never_all_in_memory() -> None:
    """Each result is large; what has been read of them when the first answers leave is a small part."""
    result = "x" * (JOINED_BYTES // 4)
    commits = [
        Commit("a", at, f"{at:032x}", at, at, [{"type": "sample.added", "number": at}], result)
        for at in range(1, 41)
    ]
    with store() as writer:
        storing = storing_of(writer)
        storing.store([batch_of(commits, first_position=1, last_sequence=40)])
        ids = [f"{number:032x}" for number in range(1, 41)]
        again = asking_again(41, ids)
        sizes = [sum(map(len, records)) for records in storing.store([again]).answers]
    assert len(sizes) == 10
    assert max(sizes) < 2 * JOINED_BYTES


def test_a_duplicate_that_the_store_does_not_know_is_damage() -> None:
    (batch,) = batches(1)
    unknown = batch._replace(duplicates=encode_duplicates([(b"me", "ff" * 16)]))
    with store() as writer, pytest.raises(CorruptData, match="lacks a command that was committed"):
        answered(storing_of(writer).store([unknown]))


def test_without_room_nothing_is_kept_and_the_same_batches_can_be_stored_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = batches(2)
    with store() as writer:
        storing = storing_of(writer)

        def full(_: list[Batch]) -> None:
            raise NoSpace("the event store has no room")

        with monkeypatch.context() as patch:
            patch.setattr(writer, "commit", full)
            with pytest.raises(NoSpace):
                storing.store(made)
        assert (storing.sequence, storing.position) == (0, 0)
        assert len(answered(storing.store(made))) == 2


def test_an_append_by_another_process_begins_an_epoch_and_what_was_decided_before_is_dropped() -> None:
    stored_before, *outdated = batches(3)
    with store() as writer:
        storing = storing_of(writer)
        storing.store([stored_before])
        append_to(writer.env, "b", [Added(1)])
        found = storing.store([stored_before, *outdated])
        assert found.conflict is not None
        assert answered(found) == [(b"who", [0])], "what an earlier life had stored is answered"
        assert (storing.epoch, storing.sequence) == (1, 2)
        nothing = storing.store(outdated)
        assert (answered(nothing), nothing.notices, nothing.conflict) == ([], [], None)
        decided_anew = batches(3, epoch=1)[1:]
        fitting = [one._replace(first_position=one.first_position + 1) for one in decided_anew]
        assert len(answered(storing.store(fitting))) == 2
        assert versions(writer) == [1, 2, 3, 4, 5, 6]


def put(txn: Any, table: Any, key: bytes, value: bytes) -> None:
    """Stores a row as another program would."""
    txn.put(key, seal(key, value), db=table)


def test_a_command_that_cannot_be_stored_is_noted_and_all_after_what_is_stored_is_decided_again() -> None:
    first, second, third = batches(3)
    with store() as writer:
        storing = storing_of(writer)
        storing.store([first])
        with writer.env.begin(write=True) as txn:  # as if another aggregate with the key of `a` were there
            put(txn, writer.tables.versions, key_of("a") + word(6), word(2))
        stored = storing.store([second, third])
        assert isinstance(stored.conflict, Impossible)
        assert not answered(stored)
        assert not stored.notices
        assert (storing.epoch, writer.sequence, writer.position) == (1, 2, 2)
        assert read_refused(refused_of(writer)) == {
            6: "another aggregate has the place of this one in the index"
        }
        assert storing_of(writer).store([second]).conflict is None
        assert (writer.sequence, writer.position) == (4, 4)


def test_two_aggregates_with_one_key_in_one_turn_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """No such pair is known, so here every aggregate has the key of `a`."""
    monkeypatch.setattr("engine.store.impossible.aggregate_key", lambda index_key, aggregate: key_of("a"))
    (first,) = batches(1)
    commit = Commit("b", 2, f"{3:032x}", 3, 3, [{"type": "sample.added", "number": 3}])
    second = batch_of([commit], first_position=3, last_sequence=3)
    second = second._replace(heads=key_of("a") + word(2), keys=bytes.fromhex(commit.command) + key_of("a"))
    with store() as writer:
        storing = storing_of(writer)
        assert isinstance(storing.store([first, second]).conflict, Impossible)
        assert writer.position == 0, "nothing is kept, though both rows are new to the index"
        assert read_refused(refused_of(writer)) == {
            3: "another aggregate has the place of this one in the index"
        }
        assert storing_of(writer).store([first]).conflict is None
        assert writer.position == 2


def test_a_command_that_is_in_the_index_already_is_refused() -> None:
    first, second = batches(2)
    with store() as writer:
        storing = storing_of(writer)
        storing.store([first])
        with writer.env.begin(write=True) as txn:
            put(txn, writer.tables.commands, bytes.fromhex(f"{3:032x}") + key_of("a"), word(1))
        assert isinstance(storing.store([second]).conflict, Impossible)
        assert read_refused(refused_of(writer)) == {3: "this command is stored already"}


def test_where_the_note_has_no_room_nothing_is_kept_and_it_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = batches(2)
    with store() as writer:
        storing = storing_of(writer)
        storing.store([first])
        with writer.env.begin(write=True) as txn:
            put(txn, writer.tables.versions, key_of("a") + word(4), word(2))

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("engine.stages.storing.add_refused", full)
            with pytest.raises(NoSpace):
                storing.store([second])
        assert storing.epoch == 0
        assert isinstance(storing.store([second]).conflict, Impossible)
