"""The event stores of a data directory, open for reading.

LMDB allows a process to open an environment once only, so all that read the same one share it. It does not
go over a fork: what the parent has open the child cannot read (Fault), so start children by spawn.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import lmdb

from engine.base.errors import Fault
from engine.node.data_directory import DataDirectory
from engine.store import Reader

_lock = threading.Lock()
_shared: dict[tuple[int, Path], tuple[Reader, int]] = {}
"""(process, folder) → the reader and how many use it"""


class Stores:
    """One reader a partition. A store that is not made yet is empty, and looked for again."""

    def __init__(self, data: str | os.PathLike[str]) -> None:
        self._directory = DataDirectory(DataDirectory.at(data).path.resolve())
        self.data, self.partitions = self._directory.path, self._directory.partitions
        self._open: dict[int, Reader] = {}

    def reader(self, partition: int) -> Reader | None:
        """The reader of a partition, or None if nothing was ever stored there."""
        reader = self._open.get(partition)
        if reader is not None and _is_open(reader):
            return reader
        if not self._directory.has_store(partition):
            return None
        try:
            reader = self._open[partition] = _borrow(self._directory.store(partition))
        except Fault as error:
            if isinstance(error.__cause__, (lmdb.NotFoundError, lmdb.ReadonlyError)):
                return None  # a node is making it right now
            raise
        return reader

    @property
    def log(self) -> tuple[str, int]:
        """The same for all copies of one log: its key, and how many partitions it has."""
        return self._directory.manifest.index_key, self.partitions

    def positions(self) -> list[int]:
        """The last stored position of each partition, 0 for an empty one."""
        readers = (self.reader(partition) for partition in range(self.partitions))
        return [0 if reader is None else reader.position() for reader in readers]

    def sequences(self) -> list[int]:
        """The last sequence of which anything is stored in each partition, 0 for an empty one."""
        readers = (self.reader(partition) for partition in range(self.partitions))
        return [0 if reader is None else reader.sequence() for reader in readers]

    def command_at(self, partition: int, position: int) -> str:
        """The id of the command whose commit has this position; empty if there is none."""
        reader = self.reader(partition)
        return "" if reader is None or position < 1 else reader.command_at(position)

    def close(self) -> None:
        """Gives all readers back."""
        for partition in list(self._open):
            _give_back(self._open.pop(partition))


@contextlib.contextmanager
def lend(*readers: Reader) -> Iterator[None]:
    """Lets everything in this process that reads these stores use the readers that are open already."""
    with _lock:
        for reader in readers:
            reader.path = reader.path.resolve()
            _shared[os.getpid(), reader.path] = reader, 1
    try:
        yield
    finally:
        with _lock:
            for reader in readers:
                del _shared[os.getpid(), reader.path]


def _is_open(reader: Reader) -> bool:
    """False for one that was lent and taken back, and after a fork."""
    kept, _ = _shared.get((os.getpid(), reader.path), (None, 0))
    return kept is reader


def _borrow(folder: Path) -> Reader:
    with _lock:
        key = os.getpid(), folder
        reader, users = _shared.get(key) or (Reader(folder), 0)
        _shared[key] = reader, users + 1
        return reader


def _give_back(reader: Reader) -> None:
    with _lock:
        key = os.getpid(), reader.path
        kept, users = _shared.get(key, (None, 0))
        if kept is not reader:
            return  # it was lent, and its owner has it back
        if users > 1:
            _shared[key] = reader, users - 1
        else:
            del _shared[key]
            reader.close()
