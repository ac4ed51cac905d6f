"""Poisoned commands, which end the process that runs them again and again.

The core notes on the status page, which outlives it, what it has in hand. If a life ended with a section in
hand, the next one runs that section's commands one by one, so that the one at fault is known by its sequence.
A command that was in hand at DEATHS deaths is set aside: it is answered `failed(poisoned)` without being run,
and its sequence is kept in the data directory, because a replay must not run it either.

A handler that does not end is one of these, since the supervisor kills a core whose progress stands still.
One that is only slow is not: when a section would take longer than LONG_S at the pace of the last one, its
commands are run one by one too, and each of them counts as progress.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.base.errors import NoSpace
from engine.core.archive import Superseded
from engine.core.partition import Partition
from engine.journal.poisoned import read_poisoned, write_poisoned
from engine.node.status import Slot
from engine.wire.batches import Batch
from engine.wire.sections import first_sequence, last_sequence, singles

LONG_S = 0.25  # well below the shortest `hang_seconds`
DEATHS = 3  # the first of them may be known by its section only
MEANING = "this command ended its process three times and was set aside"


class Poison:
    """The commands set aside in one partition, listed in the file `path`, and what the last life had in
    hand."""

    def __init__(self, path: Path, slot: Slot, clock: Callable[[], float] = time.monotonic) -> None:
        self._slot, self._clock = slot, clock
        self._command_s = 0.0  # what a command took in the last section
        self.sequences = read_poisoned(path)
        self.suspect = slot.in_hand
        """the command in which the last life died, or the first one of its section; 0 if it had none in
        hand"""
        slot.deaths = deaths_after(self.suspect, slot.suspect, slot.deaths)
        slot.suspect, slot.in_hand = self.suspect, 0
        if slot.deaths >= DEATHS:
            self.sequences.append(self.suspect)
            try:
                write_poisoned(path, self.sequences)
            except OSError as error:
                raise NoSpace("a poisoned command cannot be noted", path=path, error=error) from None

    def run(self, partition: Partition, section: bytes) -> Iterator[Batch]:
        """The batches of a section; one for each command if a suspected or poisoned one is in it, or if the
        whole would take too long."""
        first, last = first_sequence(section), last_sequence(section)
        known = any(first <= sequence <= last for sequence in (self.suspect, *self.sequences))
        if not known and (last - first + 1) * self._command_s < LONG_S:
            yield from self._watched(partition, first, section, last - first + 1)
            return
        for single in singles(section, partition.sequence):
            sequence = first_sequence(single)
            if sequence in self.sequences:
                yield partition.refuse(single, "poisoned", MEANING)
            else:
                yield from self._watched(partition, sequence, single, 1)
        if first <= self.suspect <= last:
            self.suspect = self._slot.suspect = self._slot.deaths = 0

    def _watched(
        self, partition: Partition, sequence: int, section: bytes, count: int
    ) -> Iterator[Batch]:
        """The batches of a section, which is in hand only while they are made: no command is to blame for
        waiting for room, where they are handed on."""
        batches, seconds = partition.batches(section), 0.0
        while True:
            self._slot.in_hand = max(sequence, partition.sequence + 1)
            began = self._clock()
            try:
                batch = next(batches, None)
            except Superseded:
                self._slot.in_hand = 0
                raise
            seconds += self._clock() - began
            self._slot.in_hand = 0
            if batch is None:
                break
            yield batch
        self._command_s = seconds / count


def deaths_after(suspect: int, before: int, deaths: int) -> int:
    """The number of deaths in a row that count against `suspect`, which the last life had in hand. `before`:
    what the life before that had in hand, with this many `deaths`."""
    if not suspect:
        return 0
    if suspect == before:
        return deaths + 1
    # After one death only the section was known; the command that is in hand at the next is suspected of
    # both.
    return 2 if deaths else 1
