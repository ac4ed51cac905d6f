"""The intake: takes events in only as fast as what they make a process manager send is answered.

A projector may read as fast as it can; a process manager that did would pile up commands. So what the
doorbell brings is taken if it follows on; else the partition counts as behind, and is read from the store,
record by record, while there is room in the outbox.

What is read from the store is read in the order in which the node took the commands in, over all
partitions. So one that comes late, or was away for long, sees an event after those that led to it, although
they are in other partitions. (From the doorbell it does not: there, only the events that follow from its own
commands are sure to come after what made it send them.)
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
        """A record from the doorbell."""
        position = self._fold.positions[partition]
        if last <= position:
            return
        if first > position + 1 or self._behind or self._manager.full:
            self._behind.add(partition)
        else:
            self._fold.accept(partition, first, last, record)

    def poll(self) -> None:
        """Finds out whether the store has more: a doorbell may have been lost."""
        for partition, reader in enumerate(self._fold.readers):
            if reader.position() > self._fold.positions[partition]:
                self._behind.add(partition)

    def read(self) -> bool:
        """Takes in some of what is only in the store. True if there was any."""
        positions = self._fold.positions
        waiting = [reader.records(positions[p]) for p, reader in enumerate(self._fold.readers)]
        heads: list[tuple[int, int, int, bytes]] = []  # the next record of each partition
        for partition in range(len(waiting)):
            _push_next(heads, waiting, partition)
        for number in range(RECORDS_PER_TURN):
            if not heads:
                self._behind.clear()
                return number > 0
            if self._manager.full:
                return number > 0
            _, partition, last, record = heappop(heads)
            self._fold.accept(partition, positions[partition] + 1, last, record)
            _push_next(heads, waiting, partition)
        return True


def _push_next(
    heads: list[tuple[int, int, int, bytes]], waiting: list[Iterator[tuple[int, bytes]]], partition: int
) -> None:
    found = next(waiting[partition], None)
    if found is not None:
        last, record = found
        sequence = _sequence(record) if len(waiting) > 1 else 0
        heappush(heads, (sequence, partition, last, record))


def _sequence(record: bytes) -> int:
    """Of the first command in a record. Those of one partition lie before or behind those of another: the
    commands of one batch of the node share a record, and none of them can follow from another's events."""
    _, entries = take_apart(record)
    return decode_commit(entries[0]).sequence
