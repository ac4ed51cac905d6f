"""Which snapshot a start begins with, and that damage never passes for state."""

import os
from pathlib import Path

import pytest

from engine.base.log import KeptLog
from engine.model.state import state_digest
from engine.snapshots import SnapshotFolder, code, verify
from engine.snapshots.format import CHUNK
from engine.snapshots.loading import Unusable
from tests.unit.engine.snapshots.sample import Tally, newest, put, some


def test_what_is_loaded_is_what_was_written(tmp_path: Path) -> None:
    tallies = some(2 * CHUNK + 5)
    put(tmp_path, 70, tallies, sequence=90)
    found = newest(tmp_path)
    assert found is not None
    assert (found.position, found.sequence, found.event_types, found.complete) == (70, 90, {"added"}, True)
    assert state_digest(found.aggregates) == state_digest(tallies)
    assert all(one is not tallies[name] for name, one in found.aggregates.items())


def test_a_partition_without_aggregates_has_a_snapshot_too(tmp_path: Path) -> None:
    put(tmp_path, 1, {})
    found = newest(tmp_path)
    assert found is not None
    assert found.aggregates == {}


def test_there_may_be_none(tmp_path: Path) -> None:
    assert newest(tmp_path) is None


def test_the_newest_at_or_below_the_end_of_the_event_store_is_taken(tmp_path: Path) -> None:
    for position in (5, 900, 1000):
        put(tmp_path, position, some(1, position // 100))
    said = KeptLog()
    found = newest(tmp_path, said, upto=900)
    assert found is not None
    assert found.position == 900
    assert len(said) == 1
    assert "ahead of the event store" in said[0]


def test_any_flipped_bit_and_any_cut_is_noticed_and_the_one_before_is_used(tmp_path: Path) -> None:
    old = put(tmp_path, 5, some(3))
    new = put(tmp_path, 9, some(3, 5))
    whole = new.path.read_bytes()
    spoilt = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(len(whole))]
    spoilt += [whole[:at] for at in range(0, len(whole), 7)] + [whole + b"\0"]
    for content in spoilt:
        new.path.write_bytes(content)
        with pytest.raises(Unusable):
            verify(new.path)
        said = KeptLog()
        found = newest(tmp_path, said)
        assert found is not None
        assert found.path == old.path
        assert len(said) == 1
        assert str(new.path) in said[0]


def test_chunks_cannot_be_exchanged(tmp_path: Path) -> None:
    snapshot = put(tmp_path, 9, some(CHUNK * 2), sequence=11)
    other = put(tmp_path, 9, some(CHUNK * 2), sequence=10)
    ours, theirs = snapshot.path.read_bytes(), other.path.read_bytes()
    body = len(ours) // 2
    assert len(ours) == len(theirs)
    other.path.write_bytes(theirs[:body] + ours[body:])
    with pytest.raises(Unusable, match="damaged"):
        verify(other.path)


def test_a_snapshot_of_other_code_is_passed_over_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, 9, some(3))
    found = code.sources
    monkeypatch.setattr(code, "sources", lambda app: {**found(app), "more": b"x"})
    said = KeptLog()
    assert newest(tmp_path, said) is None
    assert len(said) == 1
    assert "the code that made it has changed" in said[0]


def test_a_snapshot_of_another_event_store_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, 9, some(3))
    said = KeptLog()
    assert newest(tmp_path, said, command_at=lambda position: "f" * 32) is None
    assert "another command at position 9" in said[0]
    assert newest(tmp_path, command_at=lambda position: f"{position:032x}") is not None


def test_two_are_kept_and_those_named_are_among_them(tmp_path: Path) -> None:
    snapshots = [put(tmp_path, position, some(1)) for position in (1, 2, 3, 4)]
    folder = SnapshotFolder(tmp_path, 0)
    assert folder.keep(snapshots[3].path, snapshots[1].path) == [snapshots[3], snapshots[1]]
    put(tmp_path, 7, some(1))
    assert [snapshot.position for snapshot in folder.keep()] == [7, 4]
    assert sorted(os.listdir(folder.path)) == sorted(snapshot.path.name for snapshot in folder.snapshots())


def test_a_state_that_its_class_no_longer_takes_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(tally: Tally, state: object) -> None:
        raise KeyError("total")

    put(tmp_path, 9, some(3))
    monkeypatch.setattr(Tally, "load_state", refuse)
    said = KeptLog()
    assert newest(tmp_path, said) is None
    assert "its state cannot be loaded: KeyError('total')" in said[0]
