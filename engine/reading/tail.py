"""A tail of the log: reads all partitions from given positions, first what is past, then what comes.

Each partition is read in the order of its positions, without a gap: what is handed out comes from the store
alone, and the doorbell only says when to look. Between partitions there is no order.
"""

import time
from collections.abc import Sequence

import msgspec

from engine.base.errors import ConfigError
from engine.reading.doorbell import Doorbell
from engine.reading.stores import Stores
from engine.store import Types
from engine.store.entries import entries_in

StoredEntry = tuple[int, int, msgspec.Raw]
"""(partition, position, encoded commit)"""


class Tail:
    """`positions`: everything up to here was handed out or is not wanted. `partitions`: None: all."""

    def __init__(
        self,
        stores: Stores,
        after: Sequence[int] = (),
        types: Types | None = None,
        partitions: Sequence[int] | None = None,
    ) -> None:
        self.positions = positions_from(after, stores.partitions)
        self._partitions = list(range(stores.partitions) if partitions is None else partitions)
        self._stores = stores
        self._types = types
        self._bell = Doorbell(stores.data)
        self._turn = 0

    def take(self, timeout_s: float, most: int = 1000) -> list[StoredEntry]:
        """The next entries, `most` and the rest of a record; none only if all that was stored is read and
        nothing came for `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while True:
            before = list(self.positions)
            try:
                entries = self._look(most)
            except BaseException:
                self.positions = before  # what was read is not handed out
                raise
            left = deadline - time.monotonic()
            if entries or left <= 0:
                return entries
            self._bell.wait(left)

    def close(self) -> None:
        """Stops listening to the doorbell. The stores are their owner's."""
        self._bell.close()

    def _look(self, most: int) -> list[StoredEntry]:
        entries: list[StoredEntry] = []
        self._turn += 1  # so that no partition waits for ever for a busy one before it
        for k in range(len(self._partitions)):
            self._look_into(self._partitions[(self._turn + k) % len(self._partitions)], most, entries)
            if len(entries) >= most:
                break
        return entries

    def _look_into(self, partition: int, most: int, entries: list[StoredEntry]) -> None:
        reader = self._stores.reader(partition)
        if reader is None:
            return
        top = reader.position()  # not further now: a node may write faster than this reads
        for last, record in reader.records(self.positions[partition]):
            # A record is taken whole: to come back for the rest of it would be to take it apart again.
            wanted = entries_in(record, self.positions[partition], types=self._types)
            entries += [(partition, position, entry) for position, entry in wanted]
            self.positions[partition] = last
            if len(entries) >= most or last >= top:
                return


def positions_from(after: Sequence[int], partitions: int) -> list[int]:
    """Positions to begin after, one a partition; all of them 0 where none are given."""
    if not after:
        return [0] * partitions
    if len(after) != partitions or min(after) < 0:
        raise ConfigError("there must be one position for each partition", given=list(after), need=partitions)
    return list(after)
