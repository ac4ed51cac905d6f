import json
from pathlib import Path

import pytest

from engine.base.errors import CorruptData
from engine.journal import Writer, dump, recover, verify
from tests.recovery.disk import Disk
from tests.recovery.journal import FOLDER, SMALL, append, batches, last, open_writer

WRITTEN = batches(12)


def sample(tmp_path: Path) -> Path:
    with Writer(tmp_path, segment_bytes=SMALL) as writer:
        append(writer, WRITTEN)
    return tmp_path


def test_a_sound_journal_is_counted(tmp_path: Path) -> None:
    report = verify(sample(tmp_path), witness=last(WRITTEN))
    assert report.sound
    assert report.problem is None
    assert report.row == "a"
    assert report.frames == len(WRITTEN)
    assert report.commands == last(WRITTEN) == report.last_sequence
    assert report.first_sequence == 1
    assert report.segments == len(list(tmp_path.glob("*.journal")))
    assert report.bytes_on_disk == report.segments * SMALL
    assert 0 < report.bytes_used < report.bytes_on_disk
    assert str(report).endswith("the journal is whole: go (row a)")


def test_an_empty_journal_is_sound(tmp_path: Path) -> None:
    report = verify(tmp_path)
    assert report.sound
    assert (report.segments, report.frames, report.last_sequence) == (0, 0, 0)
    assert list(dump(tmp_path)) == []


def test_the_first_problem_is_named_and_nothing_is_changed(tmp_path: Path) -> None:
    folder = sample(tmp_path)
    first = min(folder.glob("*.journal"))
    data = bytearray(first.read_bytes())
    data[4100] ^= 1
    first.write_bytes(data)
    report = verify(folder)
    assert not report.sound
    assert report.problem is not None
    assert (report.problem.path, report.problem.offset, report.problem.sequence) == (first, 4096, 1)
    assert f"path={first}, offset=4096, sequence=1" in str(report)
    assert first.read_bytes() == data
    *_, line = dump(folder)
    assert line["kind"] == "problem"
    assert line["offset"] == 4096


def test_torn_bytes_that_were_set_aside_are_listed(tmp_path: Path) -> None:
    folder = sample(tmp_path)
    newest = max(folder.glob("*.journal"))
    newest.write_bytes(newest.read_bytes()[:-20] + b"torn" * 5)
    report = verify(folder)
    assert report.row == "b"
    assert not report.sound
    recovered = recover(folder, last(WRITTEN))
    report = verify(folder)
    assert report.sound
    assert report.set_aside == (recovered.torn,)


def test_the_dump_lists_segments_batches_and_seals_in_order(tmp_path: Path) -> None:
    lines = list(dump(sample(tmp_path)))
    assert json.loads(json.dumps(lines)) == lines
    kinds = [line["kind"] for line in lines]
    assert kinds[:2] == ["segment", "batch"]
    assert kinds.count("segment") == kinds.count("seal") + 1
    found = [line for line in lines if line["kind"] == "batch"]
    assert [(line["first_sequence"], line["count"], line["length"]) for line in found] == [
        (first, count, len(payload)) for first, count, payload in WRITTEN
    ]


def test_the_dump_can_begin_later(tmp_path: Path) -> None:
    after = last(WRITTEN) - 3
    lines = list(dump(sample(tmp_path), after_sequence=after))
    found = [line for line in lines if line["kind"] == "batch"]
    assert found
    assert all(int(str(line["last_sequence"])) > after for line in found)
    assert [line["kind"] for line in lines].count("segment") <= 2


def test_a_start_reads_the_newest_segments_and_verify_reads_all() -> None:
    disk = Disk()
    append(open_writer(disk), WRITTEN)
    image = disk.image()
    oldest = min(image)
    image[oldest] = image[oldest][:4100] + b"?" + image[oldest][4101:]
    assert recover(FOLDER, last(WRITTEN), files=Disk(image), deep=2).row == "a"
    with pytest.raises(CorruptData):
        recover(FOLDER, last(WRITTEN), files=Disk(image), deep=None)
    assert verify(FOLDER, files=Disk(image)).row == "e"
