"""The intake: a process manager's events, only as fast as the commands that they lead to are answered.

A projector may read as fast as it can; a process manager that did so would pile up commands. So a record from
the doorbell is accepted if it is the next one. Otherwise the partition counts as behind, and is read from the
store, record by record, while there is room in the outbox.

Records from the store are read in the order of the times that their commands have, over all partitions. So
a process manager that is new, or was away for long, sees an event after those that led to it, even if they
are in other partitions. (The doorbell does not give that order. There, only the events that follow from the
process manager's own commands are sure to come after what made it send them.)
"""

from collections.abc import Iterator
from heapq import heappop, heappush

from engine.follow.fold import Fold
from engine.managers.manager import Manager
from engine.wire.log import decode_commit, take_apart

RECORDS_PER_TURN = 64  # then answers and timers have their turn


class Intake:
    """One process manager's way through the log."""

    def __init__(self, fold: Fold, manager: Manager) -> None:
        self._fold, self._manager = fold, manager
        self._behind: set[int] = set(range(len(fold.readers)))

    @property
    def behind(self) -> bool:
        """True if the store is known to have more."""
        return bool(self._behind)

    def accept(self, partition: int, first: int, last: int, record: bytes) -> None:
        """Accepts a record from the doorbell, or notes that the partition is behind."""
        position = self._fold.positions[partition]
        if last <= position:
            return
        if first > position + 1 or self._behind or self._manager.full:
            self._behind.add(partition)
        else:
            self._fold.accept(partition, first, last, record)
            if self._fold.positions[partition] < last:  # it was too much at a time
                self._behind.add(partition)

    def poll(self) -> None:
        """Checks whether the store has more, since a doorbell message may have been lost."""
        for partition, reader in enumerate(self._fold.readers):
            if reader.position() > self._fold.positions[partition]:
                self._behind.add(partition)

    def read(self) -> bool:
        """Applies some of what is only in the store. True if there was any."""
        positions = self._fold.positions
        waiting = [reader.records(positions[p]) for p, reader in enumerate(self._fold.readers)]
        heads: list[tuple[int, int, int, bytes]] = []  # the next record of each partition
        for partition in range(len(waiting)):
            _push_next(heads, waiting, partition)
        for number in range(RECORDS_PER_TURN):
            if not heads:
                self._behind.clear()
                return number > 0
            if self._manager.full or self._fold.pace.over:
                return number > 0
            _, partition, last, record = heappop(heads)
            self._fold.accept(partition, positions[partition] + 1, last, record)
            _push_next(heads, waiting, partition)
        return True


def _push_next(
    heads: list[tuple[int, int, int, bytes]], waiting: list[Iterator[tuple[int, bytes]]], partition: int
) -> None:
    following = next(waiting[partition], None)
    if following is not None:
        last, record = following
        time_ns = _time_of(record) if len(waiting) > 1 else 0
        heappush(heads, (time_ns, partition, last, record))


def _time_of(record: bytes) -> int:
    """The time of the first command in a record; sequences go on from partition to partition only on a node
    that is alone. That is enough to order records, because commands of one batch share a record and none of
    them can follow from another's events."""
    _, entries = take_apart(record)
    return decode_commit(entries[0]).time_ns
