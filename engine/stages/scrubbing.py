"""Scrubbing: when the event stores are held against themselves, and how much of them at a time.

    at the start    pages and newest commits, for at most START_S; all, where that is enough
    afterwards      the commits that were not reached and all rows of the indexes, a little at a time

What is found stops the node: what it would answer from there is not to be believed.
"""

import time
from collections.abc import Callable, Iterable

from engine.node.data_directory import DataDirectory
from engine.store import Reader, Writer
from engine.store.pages import examine
from engine.store.scrub import Scrub

START_S = 5.0
TURN_S, PAUSE_S = 0.005, 0.05  # a tenth of one processor, while nothing else is to be done


def scrub_at_start(data: DataDirectory, beat: Callable[[], object], most_s: float = START_S) -> int:
    """Looks at all event stores, half of the time at pages; returns how many commits were not reached, at
    least 1 if anything was not. CorruptData names what is damaged, and where."""
    left, until = 0, time.monotonic() + most_s
    there = [p for p in range(data.partitions) if data.store_file(p).exists()]
    for count, partition in enumerate(there):
        mine = (until - time.monotonic()) / (len(there) - count)
        if not examine(data.store(partition), mine / 2, beat).whole:
            left += 1
        # An output may be making it just now: then it has no tables yet.
        Writer(data.store(partition), data.map_bytes, index_key=data.index_key).close()
        reader = data.reader(partition)
        try:
            left += _scrub(Scrub(reader), time.monotonic() + mine / 2, beat)
        finally:
            reader.close()
    return left


def _scrub(scrub: Scrub, until: float, beat: Callable[[], object]) -> int:
    while scrub.turn():
        beat()
        if time.monotonic() > until:
            return max(1, scrub.total - scrub.done)
    return 0


class Scrubbing:
    """The rest of the work. `left`: commits that were not reached yet, at least 1 until it is finished."""

    def __init__(self, readers: Iterable[Reader]) -> None:
        self._scrubs = [Scrub(reader) for reader in readers]

    @property
    def left(self) -> int:
        """Of all stores."""
        return sum(max(1, one.total - one.done) for one in self._scrubs if not one.finished)

    def turn(self, most_s: float = TURN_S) -> bool:
        """Does a little. False if there is no more to do. Raises CorruptData."""
        until = time.monotonic() + most_s
        for one in self._scrubs:
            while one.turn():
                if time.monotonic() > until:
                    return True
        return False
