"""The event log of a data directory: its past, and then what comes, for any process, whether or not a node
runs."""

import heapq
import os
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any

import msgspec

from engine.base.identity import partition_of
from engine.model.app import Engine
from engine.model.commit import Commit
from engine.reading.stores import Stores
from engine.reading.tail import Tail, positions_from
from engine.store import Types
from engine.wire.log import decode_commit, record_decoder


class StoredCommit(msgspec.Struct, frozen=True, gc=False):
    """A stored commit and where it stands. Its events are typed if the log knows the application."""

    partition: int
    position: int
    commit: Commit


class EventLog:
    """All events of a data directory. `app`: events come typed, old ones lifted; without it they are
    dictionaries, as stored. `types` of its methods are wire names; one without a version stands for all.

    Not for several threads at once. Raises ConfigError if there is no data directory.
    """

    partitions: int

    def __init__(self, data: str | os.PathLike[str], app: Engine | None = None) -> None:
        self._stores = Stores(data)
        self.partitions = self._stores.partitions
        self._decoder = None if app is None else record_decoder(app)

    def positions(self) -> list[int]:
        """The last stored position of each partition."""
        return self._stores.positions()

    def read(
        self, after: Sequence[int] = (), types: Iterable[str] | None = None, upto: Sequence[int] = ()
    ) -> Iterator[StoredCommit]:
        """Everything after these positions up to those of now, or `upto`; one position for each partition.

        Each partition in order of its positions. Partitions are merged in the order in which the node took
        the commands; what `append_foreign` appended has no such place, and comes as soon as it can.
        """
        starts = positions_from(after, self.partitions)
        ends = positions_from(upto, self.partitions) if upto else self.positions()
        wanted = None if types is None else Types(types)
        parts = [self._part(p, starts[p], ends[p], wanted) for p in range(self.partitions)]
        return parts[0] if len(parts) == 1 else heapq.merge(*parts, key=lambda entry: entry.commit.sequence)

    def follow(
        self,
        after: Sequence[int] = (),
        types: Iterable[str] | None = None,
        idle_s: float = float("inf"),
    ) -> Iterator[StoredCommit]:
        """Everything after these positions, then what comes, as it comes; ends when nothing came for
        `idle_s`. Each partition in order of its positions, without a gap; it goes on over restarts of the
        node and while there is none."""
        tail = Tail(self._stores, after, None if types is None else Types(types))
        try:
            while entries := tail.take(idle_s):
                for partition, position, entry in entries:
                    yield self._entry(partition, position, entry)
        finally:
            tail.close()

    def aggregate(self, id: str, after_version: int = 0) -> Iterator[StoredCommit]:
        """The entries of one aggregate in the order of versions."""
        partition = partition_of(id, self.partitions)
        reader = self._stores.reader(partition)
        for position, entry in () if reader is None else reader.entries_of(id, after_version):
            yield self._entry(partition, position, entry)

    def aggregate_back(self, id: str, before_version: int | None = None) -> Iterator[StoredCommit]:
        """The entries below a version, newest first."""
        partition = partition_of(id, self.partitions)
        reader = self._stores.reader(partition)
        for position, entry in () if reader is None else reader.entries_of_back(id, before_version):
            yield self._entry(partition, position, entry)

    def close(self) -> None:
        """Closes the stores, unless something else in this process reads them."""
        self._stores.close()

    def __enter__(self) -> "EventLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _part(self, partition: int, after: int, upto: int, types: Types | None) -> Iterator[StoredCommit]:
        reader = self._stores.reader(partition)
        if reader is None or upto <= after:
            return
        for position, entry in reader.entries(after, types):
            if position > upto:
                return
            yield self._entry(partition, position, entry)

    def _entry(self, partition: int, position: int, entry: msgspec.Raw) -> StoredCommit:
        commit: Any = decode_commit(entry) if self._decoder is None else self._decoder.commit(entry, position)
        return StoredCommit(partition, position, commit)
