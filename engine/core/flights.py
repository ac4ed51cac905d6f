"""Batches in flight: handed on, and not yet known to be stored. What has to be undone if they never are."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.wire.answers import answered_id

NEVER = 1 << 64  # the sequence of what is half done: it is not stored before it is handed on


class Flight(NamedTuple):
    """What one batch changed."""

    sequence: int
    position: int
    touched: Iterable[str]
    """names of the aggregates"""
    ids: list[str]
    """command id, aggregate key, command id, aggregate key, …"""
    outcomes: list[bytes]
    """encoded answers that were no commits"""

    def commands(self) -> Iterator[str]:
        """The ids that it added to the window."""
        yield from self.ids[::2]
        for answer in self.outcomes:
            yield answered_id(answer)


class Flights:
    """In order of sequence. `position`: the last one that is known to be stored."""

    def __init__(self) -> None:
        self.position = 0
        self._waiting: deque[Flight] = deque()

    def add(self, flight: Flight) -> None:
        """A batch is handed on."""
        self._waiting.append(flight)

    def settle(self, sequence: int) -> None:
        """Everything up to this sequence is stored."""
        waiting = self._waiting
        while waiting and waiting[0].sequence <= sequence:
            self.position = waiting.popleft().position

    def take(self) -> list[Flight]:
        """All that is in flight; forgets it."""
        flights = list(self._waiting)
        self._waiting.clear()
        return flights
