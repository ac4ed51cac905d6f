"""Segments that are no longer needed leave the journal; neither a crash on the way nor damage is taken for
that."""

import errno
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from engine.base.errors import CorruptData
from engine.base.files import OsFiles
from engine.journal import Writer, dump, prune, read, recover, verify
from engine.journal.beginning import NAME, WHOLE, Beginning, decode
from engine.journal.recovery import Recovered
from engine.journal.segment import named_sequence, segment_names
from tests.recovery.disk import ARCHIVE, Disk, Image
from tests.recovery.journal import FOLDER, SMALL, Batch, append, batches, contents, last, open_writer

STORED = (90, 95)


def filled(disk: Disk | OsFiles, folder: Path = FOLDER, number: int = 90) -> list[Batch]:
    """A journal of several segments."""
    written = batches(number)
    writer = Writer(folder, segment_bytes=SMALL, files=disk, background=False)
    append(writer, written)
    writer.close()
    return written


def starts(disk: Disk | OsFiles, folder: Path = FOLDER) -> list[int]:
    """First sequences of the segments that are there."""
    return [named_sequence(name) or 0 for name in segment_names(disk, folder)]


def kept(written: list[Batch], begins: int) -> list[Batch]:
    return [one for one in written if one[0] >= begins]


@pytest.mark.parametrize("upto", [0, 1, 30, 60, 90, 100, 1000])
def test_only_what_lies_wholly_at_or_below_the_bound_goes(upto: int) -> None:
    disk = Disk()
    written = filled(disk)
    before = starts(disk)
    gone = prune(FOLDER, upto, STORED, files=disk)
    after = starts(disk)
    assert after == before[len(gone) :]
    assert after, "the newest one stays, whatever is asked for"
    assert after[0] <= upto + 1 or not gone
    assert len(after) == 1 or after[1] > upto + 1
    recovered = recover(FOLDER, last(written), files=disk, stored=STORED)
    assert recovered.last_sequence == last(written)
    assert contents(disk) == kept(written, after[0])
    report = verify(FOLDER, last(written), disk)
    assert report.sound
    assert (report.first_sequence, report.removed) == (after[0], after[0] - 1)
    assert (next(iter(dump(FOLDER, files=disk)))["kind"] == "beginning") == bool(gone)


def test_pruning_again_goes_on_from_there_and_does_nothing_twice() -> None:
    disk = Disk()
    written = filled(disk)
    for upto in (30, 30, 20, 70, 200):
        prune(FOLDER, upto, STORED, files=disk)
        assert contents(disk, last(written)) == kept(written, starts(disk)[0])
    steps = len(disk.steps)
    assert prune(FOLDER, 200, STORED, files=disk) == []
    assert {"create", "rename", "remove"} & set(disk.steps[steps:]) == set()


def test_reading_begins_where_the_journal_does() -> None:
    disk = Disk()
    written = filled(disk)
    prune(FOLDER, 60, STORED, files=disk)
    begins = starts(disk)[0]
    assert next(f.first_sequence for f in read(FOLDER, 3, last(written), disk)) == begins
    assert list(read(FOLDER, 3, begins - 1, disk)) == []
    assert next(f.first_sequence for f in read(FOLDER, begins, last(written), disk)) > begins - 1


@pytest.mark.parametrize(
    ("archive", "apart"),
    [(None, False), (ARCHIVE, False), (ARCHIVE, True)],
    ids=["removed", "archived", "archived on another file system"],
)
@pytest.mark.parametrize("subsets", [3, pytest.param(20, marks=pytest.mark.smoke)])
def test_no_power_cut_during_a_removal_stops_the_journal(
    archive: Path | None, apart: bool, subsets: int
) -> None:
    disk = Disk()
    disk.apart = apart
    written = filled(disk)
    whole = disk.image()
    prune(FOLDER, 25, (20, 25), files=disk, archive=archive)
    disk.snapshots = []
    prune(FOLDER, 80, (70, 80), files=disk, archive=archive)
    chance, met = random.Random(12306), Counter[str]()
    bounds = {starts(disk)[0]}
    for snapshot in disk.snapshots:
        for image in snapshot.images(chance, subsets):
            again = Disk(image, seed=1)
            if archive is not None:
                assert {name for name in whole if name.endswith(".journal")} <= named(again, whole)
            recovered = recover(FOLDER, last(written), files=again, stored=(70, 80))
            assert recovered.row == "a"
            report = verify(FOLDER, last(written), again)
            assert report.sound
            met["leftovers"] += report.leftovers > 0
            met["states"] += 1
            begins = report.first_sequence
            bounds.add(begins)
            assert contents(again, last(written)) == kept(written, begins)
            go_on(again, recovered, kept(written, begins))
    assert len(bounds) == 2, "before the note and after it"
    assert met["leftovers"] > 5
    assert met["states"] > 10


def named(disk: Disk, whole: Image) -> set[str]:
    """The segments that are whole in the journal or in the archive."""
    image = disk.image()
    return {name for name in whole if whole[name] in (image.get(name), image.get(f"{ARCHIVE}/{name}"))}


def go_on(disk: Disk, recovered: Recovered, before: list[Batch]) -> None:
    """Appends, prunes once more, recovers and compares."""
    more = batches(20, last(before) + 1, tag="again")
    writer = open_writer(disk, recovered)
    append(writer, more)
    prune(FOLDER, 95, (95, 95), files=disk)
    writer.close()
    assert starts(disk)[0] > 80 - 20
    assert verify(FOLDER, last(more), disk).leftovers == 0
    recover(FOLDER, last(more), files=disk, stored=(95, 95))
    assert contents(disk) == kept(before + more, starts(disk)[0])


def test_an_error_at_any_step_can_be_tried_again() -> None:
    step = 0
    while True:
        disk = Disk()
        written = filled(disk)
        disk.errors = {len(disk.steps) + step: errno.EIO}
        try:
            prune(FOLDER, 80, STORED, files=disk)
            break
        except OSError:
            recover(FOLDER, last(written), files=Disk(disk.cut()))
            recover(FOLDER, last(written), files=disk)
            prune(FOLDER, 80, STORED, files=disk)
            assert contents(disk) == kept(written, starts(disk)[0])
            assert starts(disk)[0] > 50
        step += 1
    assert step > 6


def test_what_is_missing_without_a_note_is_damage() -> None:
    for missing in range(4):
        disk = Disk()
        written = filled(disk)
        name = segment_names(disk, FOLDER)[missing]
        del disk.names_now[name]
        with pytest.raises(CorruptData):
            recover(FOLDER, last(written), files=disk)


def test_what_is_missing_after_the_note_is_damage() -> None:
    for missing in range(3):
        disk = Disk()
        written = filled(disk)
        prune(FOLDER, 60, STORED, files=disk)
        name = segment_names(disk, FOLDER)[missing]
        del disk.names_now[name]
        with pytest.raises(CorruptData, match=r"gone|before"):
            recover(FOLDER, last(written), files=disk)
        with pytest.raises(CorruptData):
            list(read(FOLDER, 0, last(written), disk))


def test_a_lost_or_damaged_note_is_no_excuse() -> None:
    disk = Disk()
    written = filled(disk)
    prune(FOLDER, 60, STORED, files=disk)
    image = disk.image()
    note = image[NAME]
    spoilt = [note[:at] + bytes([note[at] ^ 2]) + note[at + 1 :] for at in range(len(note))]
    spoilt += [note[:at] for at in range(len(note))] + [note + b"\0"]
    for content in spoilt:
        with pytest.raises(CorruptData, match="journal begins"):
            recover(FOLDER, last(written), files=Disk({**image, NAME: content}))
        with pytest.raises(CorruptData, match="journal begins"):
            prune(FOLDER, 90, STORED, files=Disk({**image, NAME: content}))
    del image[NAME]
    with pytest.raises(CorruptData):
        recover(FOLDER, last(written), files=Disk(image))


def test_an_event_store_that_lacks_what_was_removed_is_refused() -> None:
    disk = Disk()
    written = filled(disk)
    prune(FOLDER, 60, STORED, files=disk)
    recover(FOLDER, last(written), files=disk, stored=(90, last(written)))
    with pytest.raises(CorruptData, match="lacks commands"):
        recover(FOLDER, last(written), files=disk, stored=(90, 94))


def test_a_note_is_read_as_it_was_written() -> None:
    for beginning in (WHOLE, Beginning(7, ()), Beginning(1 << 60, (0, 5, 1 << 62))):
        assert decode(beginning.encode()) == beginning


POINTS = ["flushed:1", "noted:1", "removed:1", "removed:2", "removed:5"]


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("point", POINTS)
def test_a_death_at_any_step_of_a_removal_is_finished_by_the_next_one(
    tmp_path: Path, point: str, archived: bool
) -> None:
    folder, archive = tmp_path / "journal", tmp_path / "archive" if archived else None
    written = filled(OsFiles(), folder)
    before = {path.name: path.read_bytes() for path in folder.glob("*.journal")}
    command = [sys.executable, "-c", CHILD, str(folder), str(archive or "")]
    child = subprocess.run(command, env={**os.environ, "ENGINE_CRASH_AT": f"prune.{point}"}, timeout=30)
    assert child.returncode == -signal.SIGKILL
    recover(folder, last(written), stored=STORED)
    assert contents(None, None, folder)[-5:] == written[-5:]
    prune(folder, 80, STORED, archive=archive)
    begins = starts(OsFiles(), folder)[0]
    assert 60 < begins <= 81
    assert contents(None, None, folder) == kept(written, begins)
    after = {path.name: path.read_bytes() for path in folder.glob("*.journal")}
    if archive:
        after |= {path.name: path.read_bytes() for path in archive.iterdir()}
        assert after == before
    assert after.items() <= before.items()


CHILD = """
import sys
from pathlib import Path
from engine.journal import prune
prune(Path(sys.argv[1]), 80, (90, 95), archive=Path(sys.argv[2]) if sys.argv[2] else None)
"""


def test_an_archive_on_another_file_system_gets_a_durable_copy_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, archive = tmp_path / "journal", tmp_path / "archive"
    written = filled(OsFiles(), folder)
    before = {path.name: path.read_bytes() for path in folder.glob("*.journal")}
    rename = os.rename

    def across(old: Path, new: Path) -> None:
        if old.parent != new.parent:
            raise OSError(errno.EXDEV, "another file system")
        rename(old, new)

    monkeypatch.setattr(os, "rename", across)
    gone = prune(folder, 80, STORED, archive=archive)
    assert {path.name for path in archive.iterdir()} == {path.name for path in gone}
    assert all(path.read_bytes() == before[path.name] for path in archive.iterdir())
    assert contents(None, None, folder) == kept(written, starts(OsFiles(), folder)[0])
