"""Replay: today's handlers over a recorded journal, compared with what was stored then.

After a change of the code it tells what would have been decided otherwise. Nothing is written. What others
appended to the store, and commands that were set aside as poisoned, are not decided by handlers: they are
taken as they are.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine.core.partition import Partition
from engine.journal import read
from engine.model.app import Engine
from engine.operate.errors import ConfigError, CorruptData
from engine.operate.manifest import read_manifest
from engine.processes.poison import read_poisoned
from engine.store import Reader
from engine.wire.log import Commit, decode_commit, raw_record_decoder, record_decoder
from engine.wire.sections import SECTION, decode_payload, singles


class Difference(NamedTuple):
    """One command that is decided otherwise. None: no events."""

    partition: int
    sequence: int
    command: str
    aggregate: str
    stored: list[Any] | None
    today: list[Any] | None


def replay(
    data: Path, app: Engine, *, beat: Callable[[int], object] = lambda sequence: None
) -> Iterator[Difference]:
    """Every difference, in the order of the journal; after the first one of an aggregate its later commands
    follow from it. `beat(sequence)` is called now and then. ConfigError if the beginning is gone."""
    partitions = int(read_manifest(data)["partitions"])
    lanes = [_Lane(data, number, app) for number in range(partitions)]
    try:
        for frame in read(data / "journal", 0):
            for number, section in decode_payload(frame.payload):
                yield from lanes[number].run(section)
            beat(frame.first_sequence)
    finally:
        for lane in lanes:
            lane.close()


class _Lane:
    """One partition, decided anew beside what is stored."""

    def __init__(self, data: Path, number: int, app: Engine) -> None:
        self._number = number
        self._reader = Reader(data / f"store-{number:04d}")
        self._stored = self._reader.entries()
        self._foreign: list[tuple[int, bytes]] = []  # (position, entry), before `_next`
        self._next: Commit | None = None
        self._advance()
        self._typed = record_decoder(app).commit
        self._poisoned = read_poisoned(data, number)
        self._partition = Partition(app, number)

    def run(self, section: bytes) -> Iterator[Difference]:
        """Decides a section, command by command."""
        first, previous, *_ = SECTION.unpack_from(section)
        if previous > self._partition.sequence:
            raise ConfigError(
                "the journal no longer has its beginning, so it cannot be replayed",
                first_sequence=first,
                hint="journal_keep=all keeps it",
            )
        for single in singles(section, self._partition.sequence):
            sequence, *_ = SECTION.unpack_from(single)
            if self._next is not None and self._next.sequence == sequence:
                self._take_in_foreign()
            if sequence in self._poisoned:
                self._partition.refuse(single, "poisoned", "")
                continue
            for batch in self._partition.batches(single):
                today = raw_record_decoder.decode(batch.log).commits if batch.log else []
                yield from self._compare(sequence, today[0] if today else None)

    def close(self) -> None:
        """Closes the store."""
        self._reader.close()

    def _advance(self) -> None:
        """On to the next stored commit that a journaled command made."""
        self._next = None
        for position, entry in self._stored:
            commit = decode_commit(entry)
            if commit.sequence:
                self._next = commit
                return
            self._foreign.append((position, bytes(entry)))

    def _take_in_foreign(self) -> None:
        """What others appended before the command that is decided now."""
        foreign, self._foreign = self._foreign, []
        for position, entry in foreign:
            commit = self._typed(entry, position)
            # Where decisions differ, versions do too: then it cannot be applied, and that aggregate is lost.
            with contextlib.suppress(CorruptData):
                self._partition.memory.take_in(commit, 0)
            self._partition.window.young[commit.command] = None

    def _compare(self, sequence: int, today: Commit | None) -> Iterator[Difference]:
        stored = None
        if self._next is not None and self._next.sequence == sequence:
            stored = self._next
            self._advance()
        if _told(stored) != _told(today):
            either = stored or today
            assert either is not None
            yield Difference(
                self._number, sequence, either.command, either.aggregate, _events(stored), _events(today)
            )


def _events(commit: Commit | None) -> list[Any] | None:
    return None if commit is None else commit.events


def _told(commit: Commit | None) -> bytes:
    """What was decided: events and result. Versions follow from what came before."""
    return b"" if commit is None else msgspec.json.encode((commit.aggregate, commit.events, commit.result))
