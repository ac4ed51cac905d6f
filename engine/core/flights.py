"""Batches in flight, which were handed on and are not yet known to be stored; they must be undone if they
never are."""

from collections import deque

from engine.core.tally import Tally


class Flights:
    """Tallies in order of sequence. `position`: the last one that is known to be stored."""

    def __init__(self) -> None:
        self.position = 0
        self._waiting: deque[Tally] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, tally: Tally) -> None:
        """Notes that the batch of this tally is handed on."""
        self._waiting.append(tally)

    def settle(self, sequence: int) -> None:
        """Forgets everything up to this sequence, which is stored."""
        waiting = self._waiting
        while waiting and waiting[0].sequence <= sequence:
            self.position = waiting.popleft().position

    def take(self) -> list[Tally]:
        """Returns all that is in flight, and forgets it."""
        tallies = list(self._waiting)
        self._waiting.clear()
        return tallies
