from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import CorruptData, Fault
from engine.journal import Writer, read
from engine.journal.segment import segment_name
from tests.recovery.disk import Disk
from tests.recovery.journal import FOLDER, SMALL, T0, Batch, append, batches, contents, last, open_writer

WRITTEN = batches(30)
J = last(WRITTEN)


def sample() -> Disk:
    disk = Disk()
    append(open_writer(disk), WRITTEN)
    return disk


DISK = sample()


def firsts(after: int, upto: int | None = None) -> list[int]:
    return [frame.first_sequence for frame in read(FOLDER, after, upto, DISK)]


@settings(deadline=None)
@given(st.integers(0, J), st.none() | st.integers(0, J))
def test_exactly_the_batches_that_hold_commands_of_the_range_are_read(after: int, upto: int | None) -> None:
    end = J if upto is None else upto
    wanted: list[Batch] = (
        [b for b in WRITTEN if b[0] + b[1] - 1 > after and b[0] <= end] if end > after else []
    )
    assert firsts(after, upto) == [b[0] for b in wanted]


def test_a_frame_says_where_it_stands_and_what_it_holds() -> None:
    frames = list(read(FOLDER, 0, files=DISK))
    for frame, (first, count, payload) in zip(frames, WRITTEN, strict=True):
        assert (frame.first_sequence, frame.count, frame.payload) == (first, count, payload)
        assert frame.last_sequence == first + count - 1
        assert frame.previous_sequence == first - 1
        assert frame.time_ns == T0 + first
        assert DISK.image()[frame.path.name][frame.offset : frame.offset + 4] == b"RFRM"


def test_a_journal_that_does_not_reach_the_asked_sequence_is_not_read_as_if_it_did() -> None:
    with pytest.raises(CorruptData, match="ends too early"):
        firsts(0, J + 1)
    assert firsts(J + 5, J + 5) == []


def test_reading_goes_on_while_the_writer_appends(tmp_path: Path) -> None:
    with Writer(tmp_path, segment_bytes=SMALL) as writer:
        append(writer, WRITTEN[:10])
        reader = read(tmp_path, 0, upto=last(WRITTEN[:10]))
        got = [next(reader)]
        append(writer, WRITTEN[10:])
        got += reader
        assert [f.first_sequence for f in got] == [b[0] for b in WRITTEN[:10]]
        assert contents(None, J, tmp_path) == WRITTEN


def test_only_the_range_that_is_read_is_checked() -> None:
    image = DISK.image()
    name = segment_name(1)
    image[name] = image[name][:4200] + b"?" + image[name][4201:]
    damaged = Disk(image)
    with pytest.raises(CorruptData) as caught:
        list(read(FOLDER, 0, J, damaged))
    assert caught.value.facts["path"] == FOLDER / name
    assert caught.value.facts["offset"] == 4096
    assert [f.last_sequence for f in read(FOLDER, J - 4, J, damaged)][-1] == J


@pytest.mark.parametrize("lost", [0, 1, 2, -1])
def test_a_missing_segment_is_named(lost: int) -> None:
    image = DISK.image()
    name = sorted(n for n in image if n.endswith(".journal"))[lost]
    del image[name]
    with pytest.raises(CorruptData):
        list(read(FOLDER, 0, J, Disk(image)))


def test_a_segment_under_a_wrong_name_or_without_a_header_is_named() -> None:
    image = DISK.image()
    names = sorted(n for n in image if n.endswith(".journal"))
    for bad in ({**image, names[1]: image[names[2]]}, {**image, names[1]: b""}):
        with pytest.raises(CorruptData) as caught:
            list(read(FOLDER, 0, J, Disk(bad)))
        assert caught.value.facts["path"] == FOLDER / names[1]


def test_a_torn_tail_is_not_skipped_in_silence() -> None:
    image = Disk(DISK.image()).image()
    name = max(n for n in image if n.endswith(".journal"))
    end = len(image[name].rstrip(b"\0"))
    image[name] = image[name][: end - 9] + bytes(len(image[name]) - end + 9)
    with pytest.raises(CorruptData):
        list(read(FOLDER, 0, files=Disk(image)))


def test_an_empty_folder_has_no_batches(tmp_path: Path) -> None:
    assert list(read(tmp_path)) == []
    assert list(read(tmp_path / "missing")) == []


def test_a_disk_that_cannot_be_read_is_a_fault() -> None:
    disk = Disk(DISK.image())
    disk.errors_for_ever = (5, 5)
    with pytest.raises(Fault):
        list(read(FOLDER, 0, J, disk))
