"""Making a ring, and refusing what is not one."""

import contextlib
import errno
import os
import struct
from pathlib import Path

import pytest

from ringbuffer import Bell, Consumer, Producer, RingError, backlog_of, create, layout
from tests.unit.ringbuffer.conftest import MakeRing

CAPACITY = 1024


@pytest.mark.parametrize("capacity", [-64, 0, 1, 63, (1 << 32) + 8])
def test_an_impossible_capacity_is_refused_and_nothing_made(tmp_path: Path, capacity: int) -> None:
    with pytest.raises(ValueError, match="capacity"):
        create(tmp_path / "ring", capacity)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("start", [-8, 4, (1 << 63) + 8])
def test_an_impossible_start_is_refused_and_nothing_made(tmp_path: Path, start: int) -> None:
    with pytest.raises(ValueError, match="start"):
        create(tmp_path / "ring", CAPACITY, start)
    assert list(tmp_path.iterdir()) == []


def test_a_capacity_is_rounded_up_to_a_multiple_of_eight(make_ring: MakeRing) -> None:
    assert make_ring(1001).producer.capacity == 1008


def test_what_is_there_already_is_not_overwritten(make_ring: MakeRing) -> None:
    ring = make_ring()
    before = ring.path.read_bytes()
    with pytest.raises(FileExistsError):
        create(ring.path, CAPACITY)
    assert ring.path.read_bytes() == before


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="no /dev/shm")
def test_a_full_shared_memory_is_a_clear_error_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "LARGEST_CAPACITY", 1 << 60)
    path = Path(f"/dev/shm/ring-test-{os.getpid()}")
    with pytest.raises(OSError, match=r"no room for a ring of \d+ bytes in /dev/shm"):
        create(path, 1 << 50)
    assert not path.exists()


def test_a_full_file_system_is_a_clear_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=f"no room for a ring of {4096 + CAPACITY} bytes in {tmp_path}"):
        create(tmp_path / "ring", CAPACITY)
    assert list(tmp_path.iterdir()) == []


def test_a_ring_can_be_made_where_nothing_can_be_preallocated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bell: Bell
) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    create(tmp_path / "ring", 3 << 20)
    with Producer(tmp_path / "ring", bell) as producer, Consumer(tmp_path / "ring", bell) as consumer:
        producer.try_publish([b"one"])
        assert consumer.take() == [b"one"]


def word(index: int, value: int) -> tuple[int, bytes]:
    return index * 8, struct.pack("<Q", value)


REFUSED = {
    "half initialised": (word(layout.HEADER_MAGIC, 0), "never finished being made"),
    "wrong magic": (word(layout.HEADER_MAGIC, 0x31415926), "wrong magic"),
    "another version": (word(layout.HEADER_VERSION, 77), "another version"),
    "another capacity": (word(layout.HEADER_CAPACITY, CAPACITY + 8), "header is damaged"),
    "another boot": (word(layout.HEADER_BOOT, 1), "header is damaged"),
    "published behind consumed": (word(layout.CONSUMED, 8), "cursors are damaged"),
    "more published than fits": (word(layout.PUBLISHED, CAPACITY + 8), "cursors are damaged"),
    "a cursor that is not aligned": (word(layout.PUBLISHED, 4), "cursors are damaged"),
}


@pytest.mark.parametrize("end", [Producer, Consumer])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_a_ring_is_refused_and_not_changed(
    tmp_path: Path, bell: Bell, name: str, end: type[Producer] | type[Consumer]
) -> None:
    (offset, patch), message = REFUSED[name]
    path = tmp_path / "ring"
    create(path, CAPACITY)
    content = bytearray(path.read_bytes())
    content[offset : offset + 8] = patch
    path.write_bytes(content)
    with pytest.raises(RingError, match=message):
        end(path, bell)
    assert path.read_bytes() == content


@pytest.mark.parametrize("size", [0, 1, 128, 4096, 4096 + 56, 4096 + CAPACITY - 8, 4096 + CAPACITY + 8])
def test_another_size_is_refused_and_not_changed(tmp_path: Path, bell: Bell, size: int) -> None:
    path = tmp_path / "ring"
    create(path, CAPACITY)
    content = path.read_bytes()[:size].ljust(size, b"\0")
    path.write_bytes(content)
    with pytest.raises(RingError, match="size"):
        Producer(path, bell)
    assert path.read_bytes() == content


def test_a_missing_file_is_refused_and_not_made(tmp_path: Path, bell: Bell) -> None:
    with pytest.raises(RingError, match="no such ring"):
        Consumer(tmp_path / "ring", bell)
    assert list(tmp_path.iterdir()) == []


def test_a_ring_of_an_earlier_boot_is_refused(
    tmp_path: Path, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(tmp_path / "ring", CAPACITY)
    monkeypatch.setattr("ringbuffer.file.boot_id", lambda: (1, 2))
    with pytest.raises(RingError, match="before the last boot"):
        Producer(tmp_path / "ring", bell)


@pytest.mark.parametrize("end", [Producer, Consumer])
def test_a_second_one_at_the_same_end_is_refused_while_the_first_lives(
    make_ring: MakeRing, end: type[Producer] | type[Consumer]
) -> None:
    ring = make_ring()
    with pytest.raises(RingError, match=f"this end of the ring is in use .*pid={os.getpid()}"):
        end(ring.path, ring.bell)
    ring.producer.try_publish([b"still works"])
    assert ring.consumer.take() == [b"still works"]


def test_closing_twice_is_closing_once(make_ring: MakeRing) -> None:
    ring = make_ring()
    for _ in range(2):
        ring.close()
    with pytest.raises(ValueError, match=r"released|closed"):
        ring.producer.try_publish([b"too late"])
    with pytest.raises(ValueError, match=r"released|closed"):
        ring.consumer.take()


def test_each_end_tells_who_is_at_the_other(make_ring: MakeRing) -> None:
    ring = make_ring()
    assert ring.producer.peer_pid == ring.consumer.peer_pid == os.getpid()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for n in range(20):
        bell = Bell.create(eventfd=n % 2 == 0)
        create(tmp_path / f"ring-{n}", CAPACITY)
        with Producer(tmp_path / f"ring-{n}", bell), Consumer(tmp_path / f"ring-{n}", bell):
            with pytest.raises(RingError):
                Producer(tmp_path / f"ring-{n}", bell)
            with pytest.raises(RingError):
                Producer(tmp_path / "missing", bell)
        bell.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_waits_in_a_ring_is_seen_without_attaching(tmp_path: Path) -> None:
    create(tmp_path / "ring", CAPACITY)
    bell = Bell.create()
    with contextlib.closing(bell), Producer(tmp_path / "ring", bell) as producer:
        assert backlog_of(tmp_path / "ring") == (0, CAPACITY)
        producer.publish([b"one", b"two"], deadline_s=1.0)
        assert backlog_of(tmp_path / "ring") == (producer.backlog, CAPACITY) != (0, CAPACITY)
        with Consumer(tmp_path / "ring", bell) as consumer:
            assert len(consumer.take()) == 2
            consumer.release()
        assert backlog_of(tmp_path / "ring") == (0, CAPACITY)


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\0" * (layout.DATA_AT + 64)])
def test_nothing_waits_in_what_is_no_ring(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ring").write_bytes(content)
    with pytest.raises(RingError, match="not a ring"):
        backlog_of(tmp_path / "ring")
