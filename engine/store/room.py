"""Whether there is room for what LMDB writes.

Its map may be full, and so may the disk. LMDB reports a write that the disk cut short as an I/O error; how
full the disk is tells which it was. And a page of a mapped file for which the disk has no block ends the
process by a signal, so LMDB's lock file, to which it writes by its map, is given all of its blocks before.
"""

import errno
import os
from pathlib import Path

import lmdb

from engine.base.files import DISK, free_bytes

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
NEARLY_NOTHING = 4 << 20  # bytes; a real I/O error on a disk as full as that is met again when there is room
READER_BYTES = 64  # of a slot in the lock file; what else is in it takes as much as two


def lacks_room(error: Exception, folder: Path) -> bool:
    """True if an error of LMDB, or of the system, means that map or disk are full."""
    if isinstance(error, (lmdb.MapFullError, lmdb.DiskError)):
        return True
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    return os.strerror(errno.EIO) in str(error) and is_nearly_full(folder)


def is_nearly_full(folder: Path) -> bool:
    """True if the disk of a folder has next to nothing left."""
    return free_bytes(folder) < NEARLY_NOTHING


def way_out(error: Exception) -> str:
    """What an operator does about it, where it is not to make room on the disk."""
    return "start with a larger map_bytes" if isinstance(error, lmdb.MapFullError) else ""


def prepare_lock(folder: Path, max_readers: int) -> None:
    """Gives LMDB's lock file all of its blocks. Raises OSError."""
    file = os.open(folder / "lock.mdb", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        DISK.allocate(file, READER_BYTES * (max_readers + 2))
    finally:
        os.close(file)
