"""A page of the event log: what the reader of a node answers to `events`, and where the next page begins.

    after ──▶ records, each partition in the order of its positions ──▶ entries that are wanted ──▶ page

Partitions are merged in the order in which the node took the commands in. Every page costs about the same:
it ends at its limit, at so many bytes, or when so much was looked through. A page may therefore be empty
although there is more, where what is wanted is rare.
"""

from collections.abc import Iterator, Sequence

import msgspec

from engine.base.identity import partition_of
from engine.reading.lines import sequence_of
from engine.reading.stores import Stores
from engine.reading.tail import StoredEntry
from engine.store import Reader, Types
from engine.store.entries import Entry, entries_in, entries_of

MOST_BYTES = 4 << 20  # of entries in a page: what one answer may hold
MOST_SCANNED = 16 << 20  # of records looked through for a page: below a tenth of a second


class Page(msgspec.Struct, frozen=True, gc=False):
    """`after`: one position a partition, from which the next page goes on. `more`: whether one is there."""

    entries: list[StoredEntry]
    after: list[int]
    more: bool


def read_page(
    stores: Stores,
    after: Sequence[int],
    *,
    partition: int | None = None,
    types: Types | None = None,
    aggregate: str | None = None,
    limit: int,
) -> Page:
    """The next entries beyond the positions `after`, of one partition or all, of one aggregate or all, with
    an event of these types or any."""
    tops = stores.positions()
    chosen = range(stores.partitions) if partition is None else [partition]
    if aggregate is not None:
        home = partition_of(aggregate, stores.partitions)
        chosen = [home] if home in chosen else []
    readers = {number: stores.reader(number) for number in chosen}
    ways = [
        _Way(number, reader, after[number], tops[number], types, aggregate)
        for number, reader in readers.items()
        if reader is not None
    ]
    entries: list[StoredEntry] = []
    room = MOST_BYTES
    budgets = [MOST_SCANNED // len(ways) for _ in ways]  # each its own, or one would leave another none
    while len(entries) < limit and room > 0:
        for k, way in enumerate(ways):
            while not way.knows and budgets[k] > 0:
                budgets[k] -= way.look()
        if not all(way.knows for way in ways):
            break  # of those that are known none can be told to be the next
        waiting = [way for way in ways if way.entries]
        if not waiting:
            break
        stored = min(waiting, key=lambda way: sequence_of(way.next)).take()
        entries.append(stored)
        room -= memoryview(stored[2]).nbytes
    ends = list(after)
    for way in ways:
        ends[way.partition] = way.done
    return Page(entries, ends, any(way.done < tops[way.partition] for way in ways))


class _Way:
    """One partition: the entries that are wanted of the record that was looked at last, and what is done."""

    def __init__(
        self,
        partition: int,
        reader: Reader,
        after: int,
        top: int,
        types: Types | None,
        aggregate: str | None,
    ) -> None:
        self.partition = partition
        self.entries: list[Entry] = []  # the next one last
        self._after, self._scanned, self._top = after, after, max(after, top)
        self._types, self._aggregate = types, aggregate
        self._records = reader.records(after) if aggregate is None else reader.records_of(aggregate, after)

    @property
    def knows(self) -> bool:
        """True if it is known which entry comes next, or that none does."""
        return bool(self.entries) or self._scanned >= self._top

    @property
    def next(self) -> StoredEntry:
        """The next entry."""
        return self.partition, *self.entries[-1]

    @property
    def done(self) -> int:
        """Everything up to this position was taken or is not wanted."""
        return self.entries[-1][0] - 1 if self.entries else self._scanned

    def look(self) -> int:
        """Looks at the next record; returns how many bytes that were."""
        last, record = next(self._records, (self._top, b""))
        self._scanned = last
        self.entries = [*self._wanted(record)] if record else []
        self.entries.reverse()
        return len(record)

    def take(self) -> StoredEntry:
        """Takes the next entry."""
        return self.partition, *self.entries.pop()

    def _wanted(self, record: bytes) -> Iterator[Entry]:
        if self._aggregate is None:
            yield from entries_in(record, self._after, types=self._types)
            return
        for position, entry in entries_of(record, self._aggregate):
            if position > self._after and (self._types is None or self._types.wants(entry)):
                yield position, entry
