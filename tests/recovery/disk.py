"""A disk in memory that stands in for the real one: it remembers every step, and can be cut off anywhere.

What it assumes of a real disk, and what the journal may rely on:

- what was written before a flush of the file that returned, is there afterwards;
- names are durable after a flush of the folder; before, a power cut keeps some first part of the changes;
- of what was not flushed a power cut leaves nothing, all, any part in sectors of 512 bytes, zeros or
  garbage, but it touches no byte that was not written (a drive with power-safe overwrite).
"""

import errno
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.base.files import Bytes

SECTOR = 512
Image = dict[str, bytes]  # what a disk holds: name → content


@dataclass
class Inode:
    """A file: what a reader sees, what is durable, and the writes between the two."""

    content: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    pending: list[tuple[int, bytes]] = field(default_factory=list)  # (offset, bytes); size change: offset -1

    def write(self, offset: int, data: bytes) -> None:
        apply(self.content, offset, data)
        self.pending.append((offset, data))

    def flush(self) -> None:
        durable = bytearray(self.durable)
        for offset, data in self.pending:
            apply(durable, offset, data)
        self.durable, self.pending = bytes(durable), []


def apply(content: bytearray, offset: int, data: bytes) -> None:
    """Writes into the bytes of a file, or resizes it (offset -1)."""
    if offset < 0:
        size = int.from_bytes(data, "little")
        content.extend(bytes(max(0, size - len(content))))
        del content[size:]
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


ARCHIVE = Path("archive")


def key_of(path: Path) -> str:
    """The name of a file on the disk: that of its folder is left out, unless it is the archive."""
    return f"{ARCHIVE}/{path.name}" if path.parent == ARCHIVE else path.name


def error(number: int) -> OSError:
    return OSError(number, errno.errorcode[number])


class Disk:
    """The journal's `Files`, in memory: one folder, and an archive beside it, whose changes are kept in the
    order in which they were made, as a file system with a journal keeps them."""

    def __init__(self, image: Image | None = None, seed: int = 0) -> None:
        self.names_now = {name: Inode(bytearray(data), data) for name, data in (image or {}).items()}
        self.names_durable = dict(self.names_now)
        self.names_pending: list[dict[str, Inode]] = []  # the folder after each change since its last flush
        self.files: dict[int, Inode] = {}
        self.steps: list[str] = []
        self.snapshots: list[Snapshot] | None = None  # set to a list to record the state after each step
        self.note = 0  # a number of the test's own, kept in the snapshots: what was acknowledged
        self.errors: dict[int, int] = {}  # step number → errno
        self.errors_for_ever: tuple[int, int] | None = None  # (first step number, errno)
        self.short_write: int | None = None  # bytes a single write takes at most
        self.apart = False  # the archive is on another file system
        self.room: int | None = None  # bytes that can still be written before the disk is full
        self._random = random.Random(seed)
        self._next = 3

    def _step(self, name: str) -> None:
        number = len(self.steps)
        self.steps.append(name)
        if number in self.errors:
            raise error(self.errors[number])
        if self.errors_for_ever and number >= self.errors_for_ever[0]:
            raise error(self.errors_for_ever[1])

    def _changed(self) -> None:
        if self.snapshots is not None:
            self.snapshots.append(Snapshot.of(self))

    def _rename_all(self, names: dict[str, Inode]) -> None:
        self.names_now = names
        self.names_pending.append(dict(names))
        self._changed()

    def _handle(self, inode: Inode) -> int:
        self._next += 1
        self.files[self._next] = inode
        return self._next

    def make_folder(self, folder: Path) -> None:
        pass

    def names(self, folder: Path) -> list[str]:
        self._step("names")
        inside = folder == ARCHIVE
        prefix = f"{ARCHIVE}/" if inside else ""
        return sorted(
            name.removeprefix(prefix) for name in self.names_now if name.startswith(f"{ARCHIVE}/") == inside
        )

    def create(self, path: Path) -> int:
        self._step("create")
        inode = Inode()
        self._rename_all({**self.names_now, key_of(path): inode})
        return self._handle(inode)

    def open(self, path: Path, *, write: bool = False) -> int:
        self._step("open")
        if key_of(path) not in self.names_now:
            raise error(errno.ENOENT)
        return self._handle(self.names_now[key_of(path)])

    def close(self, file: int) -> None:
        del self.files[file]

    def size(self, file: int) -> int:
        return len(self.files[file].content)

    def read(self, file: int, length: int, offset: int) -> bytes:
        self._step("read")
        return bytes(self.files[file].content[offset : offset + length])

    def write(self, file: int, parts: Sequence[Bytes], offset: int) -> int:
        self._step("write")
        data = b"".join(parts)
        if self.short_write is not None:
            data = data[: self.short_write]
        if self.room is not None:
            data = data[: self.room]
            if not data:
                raise error(errno.ENOSPC)
            self.room -= len(data)
        self.files[file].write(offset, data)
        self._changed()
        return len(data)

    def allocate(self, file: int, size: int) -> None:
        self._step("allocate")
        if self.room is not None and size > self.room:
            raise error(errno.ENOSPC)
        inode = self.files[file]
        if len(inode.content) < size:
            inode.write(-1, size.to_bytes(8, "little"))

    def resize(self, file: int, size: int) -> None:
        self._step("resize")
        self.files[file].write(-1, size.to_bytes(8, "little"))
        self._changed()

    def flush(self, file: int) -> None:
        inode = self.files[file]
        try:
            self._step("flush")
        except OSError:
            inode.pending = []  # as Linux does: the pages stay in the cache and are called clean
            raise
        inode.flush()
        self._changed()

    flush_all = flush

    def forget_cache(self, file: int) -> None:
        inode = self.files[file]
        if not inode.pending:
            inode.content = bytearray(inode.durable)

    def rename(self, old: Path, new: Path) -> None:
        self._step("rename")
        if self.apart and (old.parent == ARCHIVE) != (new.parent == ARCHIVE):
            raise error(errno.EXDEV)
        names = dict(self.names_now)
        names[key_of(new)] = names.pop(key_of(old))
        self._rename_all(names)

    def remove(self, path: Path) -> None:
        self._step("remove")
        self._rename_all({name: inode for name, inode in self.names_now.items() if name != key_of(path)})

    def flush_folder(self, folder: Path) -> None:
        self._step("flush_folder")
        self.names_durable, self.names_pending = dict(self.names_now), []
        self._changed()

    def salt(self) -> int:
        return self._random.getrandbits(64)

    def image(self) -> Image:
        """What a reader sees now; what is left after the process was killed."""
        return {name: bytes(inode.content) for name, inode in self.names_now.items()}

    def cut(self) -> Image:
        """What a power cut leaves at least: only what was flushed."""
        return {name: inode.durable for name, inode in self.names_durable.items()}


@dataclass(frozen=True)
class Snapshot:
    """All that a power cut at one moment may keep."""

    note: int
    namings: list[dict[str, int]]  # the folder as it may be found: name → number in `files`
    files: list[tuple[bytes, list[tuple[int, bytes]]]]  # durable bytes, and writes not flushed

    @classmethod
    def of(cls, disk: Disk) -> "Snapshot":
        numbers: dict[int, int] = {}
        files: list[tuple[bytes, list[tuple[int, bytes]]]] = []
        namings = []
        for names in (disk.names_durable, *disk.names_pending):
            naming = {}
            for name, inode in names.items():
                if id(inode) not in numbers:
                    numbers[id(inode)] = len(files)
                    files.append((inode.durable, list(inode.pending)))
                naming[name] = numbers[id(inode)]
            namings.append(naming)
        return cls(disk.note, namings, files)

    def images(self, chance: random.Random, subsets: int) -> Iterator[Image]:
        """The states that a power cut may leave, without repetitions among neighbours."""
        for naming in self.namings:
            for contents in self._contents(chance, subsets):
                yield {name: contents[number] for name, number in naming.items()}

    def _contents(self, chance: random.Random, subsets: int) -> Iterator[list[bytes]]:
        yield [self._with(durable, []) for durable, _ in self.files]
        if not any(pending for _, pending in self.files):
            return
        yield [self._with(durable, pending) for durable, pending in self.files]
        yield from self._torn()
        for spoil in (lambda data: bytes(len(data)), lambda data: chance.randbytes(len(data))):
            yield [self._with(durable, spoilt(pending, spoil)) for durable, pending in self.files]
        for _ in range(subsets):
            yield [self._with(durable, some(pending, chance)) for durable, pending in self.files]

    def _torn(self) -> Iterator[list[bytes]]:
        """Every write but the last is there; of the last, the sectors up to each border."""
        for number, (_, pending) in enumerate(self.files):
            if not pending or pending[-1][0] < 0:
                continue
            offset, data = pending[-1]
            for border in range(offset // SECTOR * SECTOR + SECTOR, offset + len(data), SECTOR):
                torn = [*pending[:-1], (offset, data[: border - offset])]
                yield [
                    self._with(durable, torn if k == number else writes)
                    for k, (durable, writes) in enumerate(self.files)
                ]

    @staticmethod
    def _with(durable: bytes, writes: list[tuple[int, bytes]]) -> bytes:
        content = bytearray(durable)
        for offset, data in writes:
            apply(content, offset, data)
        return bytes(content)


def sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    """A write in pieces that a drive keeps or loses each as a whole."""
    at = 0
    while at < len(data):
        size = SECTOR - (offset + at) % SECTOR
        yield offset + at, data[at : at + size]
        at += size


def spoilt(writes: list[tuple[int, bytes]], spoil: object) -> list[tuple[int, bytes]]:
    assert callable(spoil)
    return [(offset, data if offset < 0 else spoil(data)) for offset, data in writes]


def some(writes: list[tuple[int, bytes]], chance: random.Random) -> list[tuple[int, bytes]]:
    """A random choice of the sectors written; some of them are zeroed or garbage."""
    kept = []
    for offset, data in writes:
        if offset < 0:
            kept += [(offset, data)] if chance.random() < 0.5 else []
            continue
        for at, piece in sectors(offset, data):
            fate = chance.random()
            if fate < 0.5:
                kept.append((at, piece))
            elif fate < 0.6:
                kept.append((at, bytes(len(piece))))
            elif fate < 0.7:
                kept.append((at, chance.randbytes(len(piece))))
    return kept
