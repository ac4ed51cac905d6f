"""A ring's file, which is made once and attached by each end, and refused if it is not exactly a ring.

It is a plain file because the tracker of `multiprocessing.shared_memory` unlinks a segment when a process
that only attached to it exits. In /dev/shm it never reaches a disk; anywhere else it works the same.
"""

import contextlib
import errno
import fcntl
import mmap
import os
import struct
import sys
from pathlib import Path

from ringbuffer import layout
from ringbuffer.errors import RingError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def create(path: str | os.PathLike[str], capacity: int, start: int = 0) -> None:
    """Makes the file of a ring with room for `capacity` bytes (64 to 2 GiB, rounded up to a multiple of 8).

    A record takes 8 bytes more than its length, rounded up to 8; a single one may take half the capacity.
    `start` is where both cursors begin, a multiple of 8. Raises ValueError for an impossible capacity or
    start, FileExistsError, and OSError (ENOSPC) if there is no room. All of the file is allocated here,
    because a hole that cannot be filled later would be a SIGBUS in the middle of a write.
    """
    if not layout.SMALLEST_CAPACITY <= capacity <= layout.LARGEST_CAPACITY:
        raise ValueError(f"capacity is {capacity}, not {layout.SMALLEST_CAPACITY}..{layout.LARGEST_CAPACITY}")
    capacity = (capacity + 7) & -8
    if start % 8 or not 0 <= start <= 1 << 63:
        raise ValueError(f"start is {start}, not a multiple of 8 in 0..2^63")
    size = layout.DATA_AT + capacity
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _allocate(fd, size, path)
        with mmap.mmap(fd, size) as file, memoryview(file) as view, view.cast("Q") as words:
            _fill(words, capacity, start)
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(fd)


def _fill(words: "memoryview[int]", capacity: int, start: int) -> None:
    words[layout.HEADER_VERSION] = layout.VERSION
    words[layout.HEADER_CAPACITY] = capacity
    words[layout.HEADER_BOOT], words[layout.HEADER_BOOT + 1] = boot_id()
    words[layout.HEADER_CRC] = layout.header_crc(words)
    words[layout.PUBLISHED] = words[layout.CONSUMED] = start
    words[layout.HEADER_MAGIC] = layout.MAGIC  # last, so that a process that sees it sees all of the above


def _allocate(fd: int, size: int, path: str | os.PathLike[str]) -> None:
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
        else:
            for at in range(0, size, 1 << 20):
                os.pwrite(fd, bytes(min(1 << 20, size - at)), at)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        text = f"no room for a ring of {size} bytes in {Path(path).parent}"
        raise OSError(error.errno, text, os.fspath(path)) from None


def boot_id() -> tuple[int, int]:
    """The id of the machine's current boot; (0, 0) where there is none."""
    try:
        value = int(_BOOT_ID.read_text().strip().replace("-", ""), 16)
    except (OSError, ValueError):
        return 0, 0
    return value >> 64, value & (1 << 64) - 1


class RingFile:
    """The mapped file, as bytes (`data`) and as words (`words`)."""

    def __init__(self, path: str | os.PathLike[str], own_word: int) -> None:
        """Attaches as the end whose process id is word `own_word`.

        Raises RingError, with nothing changed in the file, if it is missing, not a ring, half made, of
        another version, size or boot, or if another live process is attached as that end.
        """
        self.path = Path(path)
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise RingError("no such ring", path=path, error=error.strerror) from None
        self._views: list[memoryview] = []
        try:
            self._map(own_word)
        except BaseException:
            self.close()
            raise

    def _map(self, own_word: int) -> None:
        size = os.fstat(self._fd).st_size
        if size < layout.DATA_AT + layout.SMALLEST_CAPACITY or size % 8:
            raise RingError("not a ring, to judge by its size", path=self.path, size=size)
        self.data = mmap.mmap(self._fd, size)
        self._views.append(memoryview(self.data))
        self.words = self._views[0].cast("Q")
        self._views.append(self.words)
        self._check(size)
        self._claim(own_word)
        self.words[own_word] = os.getpid()

    def _check(self, size: int) -> None:
        words = self.words
        if words[layout.HEADER_MAGIC] == 0:
            raise RingError("the ring was never finished being made", path=self.path)
        if words[layout.HEADER_MAGIC] != layout.MAGIC:
            raise RingError("not a ring: wrong magic", path=self.path)
        version, capacity = words[layout.HEADER_VERSION], words[layout.HEADER_CAPACITY]
        if version != layout.VERSION:
            raise RingError("another version of ring", path=self.path, version=version, known=layout.VERSION)
        if words[layout.HEADER_CRC] != layout.header_crc(words):
            raise RingError("the header is damaged", path=self.path)
        if layout.DATA_AT + capacity != size:
            raise RingError("not the size that its header says", path=self.path, size=size, capacity=capacity)
        boot = words[layout.HEADER_BOOT], words[layout.HEADER_BOOT + 1]
        if boot != boot_id():
            raise RingError("the ring is from before the last boot", path=self.path)
        published, consumed = words[layout.PUBLISHED], words[layout.CONSUMED]
        if published % 8 or consumed % 8 or not 0 <= published - consumed <= capacity:
            raise RingError("the cursors are damaged", path=self.path, published=published, consumed=consumed)
        self.capacity = capacity

    def _claim(self, own_word: int) -> None:
        """Locks the end's own word. The lock ends with the descriptor, and so with the process.

        It is off the data path and is never waited for. It makes "one producer, one consumer" a fact where it
        could otherwise be broken, which is at a restart while the old process is still alive.
        """
        if sys.platform != "linux":
            return
        request = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, own_word * 8, 8, 0)
        try:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, request)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise RingError(
                "this end of the ring is in use", path=self.path, pid=self.words[own_word]
            ) from None

    def close(self) -> None:
        """Unmaps the file. Closing twice does no harm."""
        for view in reversed(self._views):
            view.release()
        if self._views:
            self.data.close()
        self._views.clear()
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1


def backlog_of(path: str | os.PathLike[str]) -> tuple[int, int]:
    """(bytes published and not yet released, capacity) of a ring, read from its file without attaching.
    Raises OSError, RingError if it is none."""
    with open(path, "rb") as file:
        head = file.read(layout.DATA_AT)
    if len(head) < layout.DATA_AT:
        raise RingError("this is not a ring", path=path)
    words = memoryview(head).cast("Q")
    if words[layout.HEADER_MAGIC] != layout.MAGIC:
        raise RingError("this is not a ring", path=path)
    return max(0, words[layout.PUBLISHED] - words[layout.CONSUMED]), words[layout.HEADER_CAPACITY]
