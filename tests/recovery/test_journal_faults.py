"""The disk fails or is full at any step: the journal says so, keeps what it acknowledged, and only that."""

import errno
import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.base.errors import Exit, Fault, NoSpace
from engine.journal import Writer, recover
from engine.journal.frame import frame_size
from engine.journal.segment import BODY
from tests.recovery.disk import Disk, Snapshot
from tests.recovery.journal import (
    FOLDER,
    SMALL,
    Batch,
    append,
    batch,
    batches,
    contents,
    last,
    open_writer,
)

SIZES = (60, 300, 500, 150, 900, 90, 3000, 10, 300)


def run(disk: Disk) -> tuple[list[Batch], Batch | None]:
    """Appends batches until a Fault, or until room was missing three times in a row.

    Returns those acknowledged, and the one in flight at a Fault, of which nothing is known. A batch that
    found no room is followed by another one with the same sequence: that one must not be mixed up with it.
    """
    acknowledged: list[Batch] = []
    refusals = 0
    try:
        writer = open_writer(disk)
    except (Fault, NoSpace):
        return [], None
    for size in SIZES:
        first = last(acknowledged) + 1
        while refusals < 3:
            one = batch(first, size, tag="x" * refusals)
            try:
                append(writer, [one])
            except NoSpace:
                refusals += 1
            except Fault:
                flushes = disk.steps.count("flush")
                with pytest.raises(Fault, match="failed before"):
                    append(writer, [one])
                assert disk.steps.count("flush") == flushes, "a flush that failed is not tried again"
                return acknowledged, one
            else:
                acknowledged.append(one)
                refusals = 0
                break
    return acknowledged, None


def check_what_is_left(disk: Disk, acknowledged: list[Batch], in_flight: Batch | None) -> None:
    """After a kill (the page cache survives) and after a power cut (it does not)."""
    disk.errors, disk.errors_for_ever, disk.room, disk.short_write = {}, None, None, None
    cut = Disk(disk.cut())
    for left in (cut, disk):
        recovered = recover(FOLDER, witness=last(acknowledged), files=left)
        found = contents(left, recovered.last_sequence)
        assert found in (acknowledged, [*acknowledged, in_flight])
        more = batches(3, recovered.last_sequence + 1, tag="more")
        append(open_writer(left, recovered), more)
        again = Disk(left.cut())
        assert recover(FOLDER, witness=last(more), files=again).row == "a"
        assert contents(again, last(more)) == found + more


def steps_of_a_run() -> int:
    disk = Disk()
    acknowledged, _ = run(disk)
    assert len(acknowledged) == len(SIZES)
    return len(disk.steps)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for ever"])
def test_an_error_at_any_step_loses_nothing_acknowledged(number: int, for_ever: bool) -> None:
    outcomes = set()
    for step in range(steps_of_a_run()):
        disk = Disk()
        if for_ever:
            disk.errors_for_ever = (step, number)
        else:
            disk.errors = {step: number}
        acknowledged, in_flight = run(disk)
        outcomes.add((len(acknowledged) == len(SIZES), in_flight is not None))
        check_what_is_left(disk, acknowledged, in_flight)
    assert (False, True) in outcomes
    if number == errno.ENOSPC and not for_ever:
        assert (True, False) in outcomes, "one full disk is got over"


def test_an_error_at_any_step_of_a_recovery_leaves_a_journal_that_the_next_start_recovers() -> None:
    disk = Disk()
    writer = open_writer(disk)
    written = batches(8)
    append(writer, written)
    image = disk.image()
    newest = max(name for name in image if name.endswith(".journal"))
    image[newest] = image[newest][:-200] + b"torn" * 50
    clean = Disk(image)
    assert recover(FOLDER, last(written), files=clean).row == "b"
    for number in (errno.EIO, errno.ENOSPC):
        for step in range(len(clean.steps)):
            failing = Disk(image)
            failing.errors = {step: number}
            with pytest.raises(Fault if number == errno.EIO else NoSpace):
                recover(FOLDER, last(written), files=failing)
            for left in (failing.image(), failing.cut()):
                again = Disk(left)
                recover(FOLDER, last(written), files=again)
                assert contents(again, last(written)) == written


def test_room_that_ends_at_any_byte_keeps_nothing_of_the_batch_that_did_not_fit() -> None:
    size = frame_size(len(batch(1, 120)[2]))
    faults = 0
    for room in range(3 * size + 60):
        disk = Disk()
        writer = open_writer(disk)
        disk.room = room
        acknowledged: list[Batch] = []
        one = batches(1, 1, 120)
        with pytest.raises((NoSpace, Fault)) as caught:  # noqa: PT012 - the first batches may fit
            while True:
                append(writer, one)
                acknowledged += one
                one = batches(1, last(acknowledged) + 1, 120)
        assert last(acknowledged) == writer.sequence
        if caught.type is Fault:  # only its padding did not fit, and no byte is left to take it back with
            faults += 1
            assert "taken back" in str(caught.value)
            check_what_is_left(disk, acknowledged, one[0])
            continue
        left = Disk(disk.image())
        assert recover(FOLDER, last(acknowledged), files=left).last_sequence == last(acknowledged)
        disk.room = None
        smaller = batches(2, last(acknowledged) + 1, 10, tag="later")
        append(writer, smaller)
        assert recover(FOLDER, last(smaller), files=Disk(disk.image())).row == "a", "nothing is left over"
        check_what_is_left(disk, acknowledged + smaller, None)
    assert faults < 24


def test_a_batch_that_lacks_nothing_but_its_padding_is_taken_back() -> None:
    disk = Disk()
    writer = open_writer(disk)
    written = disk.names_now["00000000000000000001.journal"]
    disk.errors = {len(disk.steps) + 1: errno.ENOSPC}  # the second write, that of the padding
    disk.short_write = 48 + 5
    with pytest.raises(NoSpace):
        writer.append(b"12345", 1, 1, 1)
    assert bytes(written.content[BODY : BODY + 48]) == bytes(48)
    for image in Snapshot.of(disk).images(random.Random(1), 20):
        assert recover(FOLDER, files=Disk(image)).last_sequence == 0, "a power cut does not bring it back"
    check_what_is_left(disk, [], None)


def test_a_batch_that_cannot_be_taken_back_is_a_fault() -> None:
    disk = Disk()
    writer = open_writer(disk)
    disk.errors = {len(disk.steps) + k: errno.ENOSPC for k in (1, 3)}
    disk.short_write = 48 + 5
    with pytest.raises(Fault, match="taken back"):
        writer.append(b"12345", 1, 1, 1)
    with pytest.raises(Fault, match="failed before"):
        writer.append(b"12345", 1, 1, 1)


@pytest.mark.parametrize("step", ["write", "rename", "write of the seal"])
def test_a_disk_that_is_full_during_a_rotation_lets_the_next_append_finish_it(step: str) -> None:
    """Even if that batch is so small that the old segment had room for it."""
    clean = Disk()
    writer = open_writer(clean)
    append(writer, batches(4))
    begun = len(clean.steps)
    append(writer, batches(1, last(batches(4)) + 1, 500))
    rotation = clean.steps[begun:]
    writes = [k for k, name in enumerate(rotation) if name == "write"]
    number = {"write": writes[0], "rename": rotation.index("rename"), "write of the seal": writes[1]}[step]
    disk = Disk()
    writer = open_writer(disk)
    acknowledged = batches(4)
    append(writer, acknowledged)
    assert len(disk.steps) == begun
    disk.errors = {begun + number: errno.ENOSPC}
    with pytest.raises(NoSpace):
        append(writer, batches(1, last(acknowledged) + 1, 500))
    small = batches(2, last(acknowledged) + 1, 10, tag="small")
    append(writer, small)
    assert disk.steps[begun:].count("create") == 0, "the spare is used, not made again"
    check_what_is_left(disk, acknowledged + small, None)


@pytest.mark.parametrize("most", [1, 7, 48, 100])
def test_short_writes_are_carried_on(most: int) -> None:
    disk = Disk()
    disk.short_write = 4096
    writer = open_writer(disk)
    disk.short_write = most
    written = batches(4)
    append(writer, written)
    check_what_is_left(disk, written, None)


def test_after_a_failed_flush_a_start_believes_the_disk_and_not_the_cache() -> None:
    disk = Disk()
    writer = open_writer(disk)
    written = batches(4)
    append(writer, written[:3])
    disk.errors = {len(disk.steps) + 1: errno.EIO}
    with pytest.raises(Fault, match="flushed") as caught:
        append(writer, written[3:])
    assert caught.value.exit_code == Exit.DISK_FAULT
    assert contents(disk) == written, "the cache still shows what the disk never got"
    assert recover(FOLDER, last(written[:3]), files=disk).last_sequence == last(written[:3])
    assert contents(disk) == written[:3]


def test_a_process_killed_between_write_and_flush_leaves_nothing_that_a_start_believes_unflushed() -> None:
    disk = Disk()
    writer = open_writer(disk)
    written = batches(3)
    append(writer, written[:2])
    inode = disk.names_now[max(disk.names_now)]
    flush, inode.flush = inode.flush, lambda: None  # type: ignore[method-assign]
    append(writer, written[2:])  # written, and the process dies before the flush
    inode.flush = flush  # type: ignore[method-assign]
    assert contents(Disk(disk.cut())) == written[:2]
    believed = recover(FOLDER, 0, files=disk).last_sequence
    assert contents(Disk(disk.cut()), believed) == written, "believed means durable"


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_real_file_system_too_a_segment_without_room_is_refused_and_nothing_is_kept(
    tmp_path: Path,
) -> None:
    written = batches(6)
    with Writer(tmp_path, segment_bytes=SMALL, background=False) as writer:
        append(writer, written[:2])
        with file_size_limit(SMALL + 1000), pytest.raises(NoSpace):
            writer.append(bytes(100_000), last(written[:2]) + 1, 1, 5)
        append(writer, written[2:])
    assert recover(tmp_path, last(written)).row == "a"
    assert contents(None, folder=tmp_path) == written
