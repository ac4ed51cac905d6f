"""The intake: takes events in only as fast as what they make a process manager send is answered.

A projector may read as fast as it can; a process manager that did would pile up commands. So what the
doorbell brings is taken if it follows on; else the partition counts as behind, and is read from the store,
record by record, while there is room in the outbox.
"""

from engine.follow.fold import Fold
from engine.manage.manager import Manager

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

    def take(self, partition: int, first: int, last: int, record: bytes) -> None:
        """A record from the doorbell."""
        position = self._fold.positions[partition]
        if last <= position:
            return
        if first > position + 1 or partition in self._behind or self._manager.full:
            self._behind.add(partition)
        else:
            self._fold.take(partition, first, last, record)

    def look(self) -> None:
        """Finds out whether the store has more: a doorbell may have been lost."""
        for partition, reader in enumerate(self._fold.readers):
            if reader.position() > self._fold.positions[partition]:
                self._behind.add(partition)

    def read(self) -> bool:
        """Takes in some of what is only in the store. True if there was any."""
        left = RECORDS_PER_TURN
        for partition in sorted(self._behind):
            reader, positions = self._fold.readers[partition], self._fold.positions
            for last, record in reader.records(positions[partition]):
                if left == 0 or self._manager.full:
                    return left < RECORDS_PER_TURN
                self._fold.take(partition, positions[partition] + 1, last, record)
                left -= 1
            self._behind.discard(partition)
        return left < RECORDS_PER_TURN
