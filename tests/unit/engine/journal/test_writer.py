from pathlib import Path

import pytest

from engine.base.errors import Fault, InvariantBroken
from engine.journal import Writer, recover
from engine.journal.segment import MIN_SEGMENT_BYTES, segment_name
from tests.deadline import until
from tests.recovery.disk import Disk
from tests.recovery.journal import (
    FOLDER,
    SMALL,
    append,
    batch,
    batches,
    contents,
    last,
    open_writer,
)


def test_an_append_is_one_write_and_one_flush() -> None:
    disk = Disk()
    writer = open_writer(disk)
    before = len(disk.steps)
    append(writer, batches(1))
    assert disk.steps[before:] == ["write", "flush"]


def test_batches_are_read_back_as_they_were_appended(tmp_path: Path) -> None:
    written = batches(40)
    with Writer(tmp_path, segment_bytes=SMALL) as writer:
        append(writer, written)
        assert writer.sequence == last(written)
    assert contents(None, folder=tmp_path) == written
    assert len(list(tmp_path.glob("*.journal"))) > 5
    assert recover(tmp_path, witness=last(written)).last_sequence == last(written)


def test_a_journal_goes_on_where_the_last_writer_stopped(tmp_path: Path) -> None:
    written = batches(30)
    for one in written:
        with Writer(tmp_path, segment_bytes=SMALL) as writer:
            append(writer, [one])
    assert contents(None, folder=tmp_path) == written


def test_a_batch_must_follow_the_last_one(tmp_path: Path) -> None:
    with Writer(tmp_path, segment_bytes=SMALL) as writer:
        for first, count in ((0, 1), (2, 1), (1, 0)):
            with pytest.raises(InvariantBroken):
                writer.append(b"", first, count, 1)
        writer.append(b"", 1, 5, 1)
        with pytest.raises(InvariantBroken):
            writer.append(b"", 5, 1, 1)
        writer.append(b"", 6, 1, 1)


def test_a_batch_larger_than_a_segment_gets_a_segment_of_its_size(tmp_path: Path) -> None:
    written = [batch(1), batch(3, 100_000), batch(4, 10)]
    with Writer(tmp_path, segment_bytes=SMALL) as writer:
        append(writer, written)
    assert contents(None, folder=tmp_path) == written
    assert (tmp_path / segment_name(3)).stat().st_size > 100_000
    assert (tmp_path / segment_name(4)).stat().st_size == SMALL


def test_a_first_batch_larger_than_its_segment_replaces_it(tmp_path: Path) -> None:
    written = [batch(1, 100_000), batch(3, 10), batch(4, 100_000)]
    for one in written:  # the next start is the one that reads what the headers say
        with Writer(tmp_path, segment_bytes=SMALL) as writer:
            append(writer, [one])
    assert contents(None, folder=tmp_path) == written
    assert (tmp_path / segment_name(1)).stat().st_size > 100_000


def test_a_segment_is_zero_filled_and_has_its_whole_size_from_the_start(tmp_path: Path) -> None:
    with Writer(tmp_path, segment_bytes=1 << 20):
        file = tmp_path / segment_name(1)
        assert file.stat().st_size == 1 << 20
        assert file.stat().st_blocks * 512 >= 1 << 20, "space is taken, not only promised"
        assert file.stat().st_mode & 0o077 == 0, "commands concern no other user"


def test_the_next_segment_is_prepared_once_half_of_this_one_is_used(tmp_path: Path) -> None:
    spare = tmp_path / "spare.tmp"
    written = batches(6)
    with Writer(tmp_path, segment_bytes=SMALL) as writer:
        append(writer, written[:1])
        assert not spare.exists()
        append(writer, written[1:4])
        until(lambda: spare.exists() and spare.stat().st_size == SMALL)
        append(writer, written[4:])
        assert (tmp_path / segment_name(written[4][0])).exists()
    assert not spare.exists()
    assert contents(None, folder=tmp_path) == written


def test_a_leftover_spare_is_removed_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "spare.tmp").write_bytes(b"half done")
    (tmp_path / "aside.tmp").write_bytes(b"half done")
    recover(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_time_of_the_last_command_is_remembered_over_an_empty_segment() -> None:
    disk = Disk()
    writer = open_writer(disk)
    writer.append(b"x" * 900, 1, 3, 1000)
    assert recover(FOLDER, 3, files=Disk(disk.image())).last_time_ns == 1002
    before = set(disk.image())
    disk.snapshots = []
    writer.append(b"x" * 900, 4, 1, 2000)
    name = segment_name(4)
    assert name not in before
    fresh = next(s for s in disk.snapshots if name in s.namings[0] and len(s.namings) == 1)
    image = {other: fresh.files[number][0] for other, number in fresh.namings[0].items()}
    recovered = recover(FOLDER, 3, files=Disk(image))
    assert (recovered.last_sequence, recovered.last_time_ns) == (3, 1002)


def test_a_writer_that_was_closed_takes_nothing(tmp_path: Path) -> None:
    writer = Writer(tmp_path, segment_bytes=SMALL)
    writer.close()
    writer.close()
    with pytest.raises(Fault):
        writer.append(b"", 1, 1, 1)


def test_a_segment_without_room_for_batches_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least"):
        Writer(tmp_path, segment_bytes=MIN_SEGMENT_BYTES - 1)


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Fault):
        recover(tmp_path / "file" / "journal")
