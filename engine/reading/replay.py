"""Replay: today's handlers over a recorded journal, compared with what was stored then.

After a change of the code it shows what would have been decided differently; old events are lifted before
they are compared. Nothing is written. What others appended to the store, and commands that were set aside as
poisoned, are not decided by handlers: they are taken as they are.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from copy import copy
from typing import Any, NamedTuple

import msgspec

from engine.base.errors import ConfigError
from engine.core.partition import Partition
from engine.journal import read
from engine.journal.poisoned import read_poisoned
from engine.journal.refused import read_refused
from engine.model.app import Engine
from engine.model.commit import Commit
from engine.node.config import Config
from engine.node.data_directory import DataDirectory
from engine.wire.log import decode_commit, raw_record_decoder, record_decoder
from engine.wire.sections import decode_payload, first_sequence, header_of, singles


class Difference(NamedTuple):
    """One command that is decided otherwise. None: no events."""

    partition: int
    sequence: int
    command: str
    aggregate: str
    stored: list[Any] | None
    today: list[Any] | None


def replay(
    data: str | os.PathLike[str], app: Engine, *, beat: Callable[[int], object] = lambda sequence: None
) -> Iterator[Difference]:
    """Every difference, in the order of the journal; after the first one of an aggregate its later commands
    follow from it. `beat(sequence)` is called now and then. ConfigError if the beginning is gone."""
    directory = DataDirectory.at(data)
    lanes = [_Lane(directory, number, app) for number in range(directory.partitions)]
    try:
        for frame in read(directory.journal, 0):
            for number, section in decode_payload(frame.payload):
                yield from lanes[number].run(section)
            beat(frame.first_sequence)
    finally:
        for lane in lanes:
            lane.close()


class _Lane:
    """One partition, decided again beside what is stored. It is its partition's archive too: what is stored
    before the command that is decided now."""

    def __init__(self, data: DataDirectory, number: int, app: Engine) -> None:
        self._number = number
        self._reader = data.reader(number)
        self._stored = self._reader.entries()
        self._foreign: deque[_Foreign] = deque()  # what others appended before `_next`
        self._next: Commit | None = None
        self._next_entry = b""
        self._next_position = 0
        self._reach = 0  # the stored position up to which all is compared or applied
        self._sequence = 0
        self._advance()
        self._typed = record_decoder(app).commit
        self._poisoned = set(read_poisoned(data.poisoned(number)))
        # Which idle aggregates are in memory makes no difference to any decision; here all of them stay.
        lasting = copy(app)
        lasting.aggregates = dict.fromkeys(app.aggregates)
        window = Config().duplicate_window
        self._partition = Partition(lasting, number, window=window, archive=self)
        self._partition.refused = read_refused(data.refused(number))

    def run(self, section: bytes) -> Iterator[Difference]:
        """Decides a section, command by command."""
        header = header_of(section)
        if header.previous_sequence > self._partition.sequence:
            raise ConfigError(
                "the journal no longer has its beginning, so it cannot be replayed",
                first_sequence=header.first_sequence,
                hint="journal_keep=all keeps it",
            )
        for single in singles(section, self._partition.sequence):
            self._sequence = first_sequence(single)
            if self._foreign and self._next is not None and self._next.sequence == self._sequence:
                self._go_back(self._partition.sequence, self._partition.position, self._next_position)
            if self._sequence in self._poisoned:
                self._partition.refuse(single, "poisoned", "")
                continue
            yield from self._compare(self._sequence, self._decide(single))

    def _decide(self, single: bytes) -> Commit | None:
        """The outcome of a command today. A decision that a foreign commit has come before is undone, as
        a node does that finds it in the store, and the command is decided again."""
        while True:
            before = self._partition.sequence, self._partition.position
            records = [batch.log for batch in self._partition.batches(single) if batch.log]
            today = raw_record_decoder.decode(records[0]).commits[0] if records else None
            clash = today and next((one for one in self._foreign if one.precedes(today)), None)
            if not clash:
                return today
            self._go_back(*before, clash.position)

    # ------------------------------------------------------------------ as the partition's archive

    def has_command(self, id: str) -> bool:
        now = self._next
        if now is not None and (now.sequence, now.command) == (self._sequence, id):
            return False  # it is the one that is decided now
        return self._reader.has_command(id)

    def stream(self, aggregate: str, upto: int) -> Iterator[Any]:
        """As it is stored, up to what was compared or applied last."""
        for position, entry in self._reader.entries_of(aggregate):
            if position <= self._reach:
                yield self._typed(entry, position)

    def stored(self) -> int:
        """Nothing that is decided now is: it may have to be undone."""
        return self._sequence - 1

    def close(self) -> None:
        """Closes the store."""
        self._reader.close()

    def _advance(self) -> None:
        """On to the next stored commit that a journaled command made."""
        self._next = None
        for position, entry in self._stored:
            commit = decode_commit(entry)
            if commit.sequence:
                self._next, self._next_position, self._next_entry = commit, position, entry
                return
            self._foreign.append(_Foreign(position, commit))

    def _go_back(self, sequence: int, position: int, upto: int) -> None:
        """Undoes what was decided after `sequence`. What others appended up to position `upto` is part of the
        past from now on."""
        commits = []
        while self._foreign and self._foreign[0].position <= upto:
            foreign = self._foreign.popleft()
            self._reach = foreign.position
            commits.append(foreign.commit)
        self._partition.go_back(sequence, position, lambda _: commits)

    def _compare(self, sequence: int, today: Commit | None) -> Iterator[Difference]:
        stored, entry, position = None, self._next_entry, self._next_position
        if self._next is not None and self._next.sequence == sequence:
            stored, self._reach = self._next, position
            self._advance()
        if _told(stored) != _told(today) and not (stored and today and self._same(entry, today, position)):
            either = stored or today
            assert either is not None
            yield Difference(
                self._number, sequence, either.command, either.aggregate, _events(stored), _events(today)
            )

    def _same(self, entry: bytes, today: Commit, position: int) -> bool:
        """True if what is stored is what is decided today, once old events are lifted."""
        try:
            stored, decided = (self._typed(one, position) for one in (entry, msgspec.json.encode(today)))
        except ConfigError:  # there are events that the application cannot read
            return False
        return bool(stored.events == decided.events and stored.result == decided.result)


class _Foreign(NamedTuple):
    """A commit that no journaled command made."""

    position: int
    commit: Commit

    def precedes(self, other: Commit) -> bool:
        """True if the other one could not be stored after it."""
        mine = self.commit
        same = mine.version == other.version or mine.command == other.command
        return same and mine.aggregate == other.aggregate


def _events(commit: Commit | None) -> list[Any] | None:
    return None if commit is None else commit.events


def _told(commit: Commit | None) -> bytes:
    """What was decided: events and result. Versions follow from what came before."""
    return b"" if commit is None else msgspec.json.encode((commit.aggregate, commit.events, commit.result))
