"""The file operations that must survive a power cut, as an interface, so that a test can replace the disk.

The replacement in the tests logs each call and builds from the log what a power cut may leave. Methods are
named after what they promise. They raise OSError and translate nothing, because what an error means depends
on the step that met it, and is decided there.
"""

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

Bytes = bytes | memoryview
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # there is no room; the disk is not failing
ASIDE = ".damaged"  # ends the name of what is kept for who wants to look at it


class Files(Protocol):
    """What is asked of a disk. Offsets and sizes are bytes; a file is an integer descriptor."""

    def make_folder(self, folder: Path) -> None:
        """Makes the folder, and those above it, durably, where they are missing."""

    def names(self, folder: Path) -> list[str]:
        """The names in a folder, sorted; none if there is no such folder."""

    def create(self, path: Path) -> int:
        """Opens an empty file for reading and writing, replacing one of that name."""

    def open(self, path: Path, *, write: bool = False) -> int:
        """Opens an existing file."""

    def close(self, file: int) -> None: ...

    def size(self, file: int) -> int: ...

    def read(self, file: int, length: int, offset: int) -> bytes:
        """Up to `length` bytes, fewer only at the end of the file."""

    def write(self, file: int, parts: Sequence[Bytes], offset: int) -> int:
        """Writes the parts one after the other in one call; may write less than all, and returns how much."""

    def allocate(self, file: int, size: int) -> None:
        """Reserves the space of a file, if the file system can, so that a full disk shows at once."""

    def resize(self, file: int, size: int) -> None:
        """Cuts the file, or makes it longer with zeros."""

    def flush(self, file: int) -> None:
        """Makes the content durable, and what is needed to read it back (fdatasync)."""

    def flush_all(self, file: int) -> None:
        """Makes content and size durable (fsync)."""

    def forget_cache(self, file: int) -> None:
        """Drops cached clean pages, so that the next read asks the disk itself."""

    def rename(self, old: Path, new: Path) -> None: ...

    def remove(self, path: Path) -> None:
        """Removes a file, if it is there."""

    def flush_folder(self, folder: Path) -> None:
        """Makes creations, renames and removals in the folder durable."""

    def salt(self) -> int:
        """64 random bits."""


def free_bytes(path: Path) -> int:
    """The room on the disk of a path, for who is not root. Raises OSError."""
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def remove_all(path: Path) -> None:
    """Removes whatever has this name, if anything has: a file, a folder with all in it, or a link alone."""
    if path.is_dir() and not path.is_symlink():
        import shutil  # and with it every compressor: 3 ms of each start

        shutil.rmtree(path)
        return
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # or what it would be in is not a folder
        path.unlink()


def show(path: Path, content: bytes) -> None:
    """Replaces a file that says how things are now. Nothing is flushed; without room the old one stays."""
    fresh = path.with_suffix(".new")
    with contextlib.suppress(OSError):
        fresh.write_bytes(content)
        fresh.replace(path)


def set_aside(path: Path) -> Path:
    """Gives whatever has this name another one, in place of what was set aside before. Returns it."""
    aside = path.with_name(path.name + ASIDE)
    remove_all(aside)
    path.rename(aside)
    return aside


class OsFiles:
    """The real disk."""

    def make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self.make_folder(folder.parent)
            folder.mkdir(mode=0o700, exist_ok=True)
            self.flush_folder(folder.parent)

    def names(self, folder: Path) -> list[str]:
        try:
            return sorted(os.listdir(folder))
        except FileNotFoundError:
            return []

    def create(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def open(self, path: Path, *, write: bool = False) -> int:
        return os.open(path, (os.O_RDWR if write else os.O_RDONLY) | os.O_CLOEXEC)

    def close(self, file: int) -> None:
        os.close(file)

    def size(self, file: int) -> int:
        return os.fstat(file).st_size

    def read(self, file: int, length: int, offset: int) -> bytes:
        data = os.pread(file, length, offset)
        if len(data) == length or not data:
            return data
        parts, have = [data], len(data)
        while have < length and (data := os.pread(file, length - have, offset + have)):
            parts.append(data)
            have += len(data)
        return b"".join(parts)

    def write(self, file: int, parts: Sequence[Bytes], offset: int) -> int:
        return os.pwritev(file, parts, offset)

    def allocate(self, file: int, size: int) -> None:
        try:
            os.posix_fallocate(file, 0, size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise

    def resize(self, file: int, size: int) -> None:
        os.ftruncate(file, size)

    def flush(self, file: int) -> None:
        os.fdatasync(file)

    def flush_all(self, file: int) -> None:
        os.fsync(file)

    def forget_cache(self, file: int) -> None:
        with contextlib.suppress(OSError):  # a hint: a file system that cannot is no worse than before
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def flush_folder(self, folder: Path) -> None:
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def salt(self) -> int:
        return int.from_bytes(os.urandom(8), "little")


DISK = OsFiles()


def write_all(files: Files, file: int, parts: Sequence[Bytes], offset: int) -> None:
    """Writes everything, even if single writes are short."""
    total = sum(len(part) for part in parts)
    written = files.write(file, parts, offset)
    if written == total:
        return
    rest = memoryview(b"".join(parts))
    while written < total:
        step = files.write(file, [rest[written:]], offset + written)
        if step <= 0:
            raise OSError(errno.EIO, "a write wrote nothing")
        written += step
