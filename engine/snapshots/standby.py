"""The standby: makes the next snapshot of a partition from the one before and the events behind it.

    newest usable snapshot ──▶ memory ◀── events of the store up to W ──▶ next snapshot ──▶ two are kept

The core is not asked and does not notice: the event store has all that it knows. It is also the only proof
needed: whatever a start would load from the store is what goes into the snapshot.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from engine.base.crash import crash_point
from engine.base.errors import CorruptData
from engine.base.files import Files
from engine.core.idle import Idle
from engine.core.memory import Memory
from engine.model.app import Engine
from engine.model.messages import wire_tag
from engine.snapshots.code import code_mark
from engine.snapshots.format import Head
from engine.snapshots.loading import CommandAt, Snapshot, load_newest
from engine.snapshots.shelf import Place, Shelf
from engine.snapshots.writing import write
from engine.store.archive import StoreArchive
from engine.store.reader import Reader
from engine.wire.log import decode_commit, record_decoder


class Found(NamedTuple):
    """State at a position. `base`: the snapshot that it began with. `time_ns`: of the last commit."""

    base: Snapshot | None
    memory: Memory
    time_ns: int
    event_types: set[str]


class Standby:
    """Of one partition. It holds nothing between two snapshots.

    `beat` is called every now and then; what it raises ends the work, and nothing is left of it.
    """

    def __init__(
        self,
        data: Path,
        partition: int,
        app: Engine,
        reader: Reader,
        log: Callable[[str], None],
        *,
        beat: Callable[[], object] = lambda: None,
        files: Files | None = None,
    ) -> None:
        self.shelf = Shelf(data, partition, files)
        self._data, self._app, self._reader = data, app, reader
        self._log, self._beat, self._files = log, beat, files
        self._decode = record_decoder(app).decode

    def take(self) -> Place | None:
        """The next snapshot, as the event store is now; None if there is nothing new since the last one.

        OSError, CorruptData, and whatever `save_state` raises: there is none; those there were are there.
        """
        sequence, position = self._reader.watermark()
        if not sequence and not position:
            return None
        found = self.caught_up(position)
        base, memory = found.base, found.memory
        if base is not None and (base.position, base.sequence) == (position, sequence):
            return None
        crash_point("snapshot.state")
        head = Head(
            partition=self.shelf.partition,
            position=position,
            sequence=sequence,
            time_ns=found.time_ns,
            command=commands_of(self._reader)(position),
            aggregates=0,
            chunks=0,
            complete=not memory.gaps,
            classes=[],
            event_types=sorted(found.event_types),
            app=self._app.name,
            code=code_mark(self._app),
            made_ns=time.time_ns(),
        )
        place = write(self.shelf, head, memory.aggregates, self._beat)
        self.shelf.keep(place.path, *([base.path] if base else []))
        crash_point("snapshot.kept")
        return place

    def caught_up(self, upto: int) -> "Found":
        """The newest snapshot at or below a position, and the events up to there taken in."""
        base = load_newest(
            self._data,
            self.shelf.partition,
            self._app,
            upto,
            self._log,
            command_at=commands_of(self._reader),
            beat=self._beat,
            files=self._files,
        )
        memory = Memory(self._app, self._archive())
        types: set[str] = set()
        after, time_ns = 0, 0
        if base is not None:
            memory.restore(base.aggregates, base.time_ns)
            memory.gaps = not base.complete
            after, time_ns, types = base.position, base.time_ns, base.event_types
        time_ns = self._replay(memory, after, upto, types) or time_ns
        return Found(base, memory, time_ns, types)

    def replayed(self, upto: int) -> Memory:
        """What the events up to a position make, without any snapshot; idle aggregates too."""
        memory = Memory(self._app, self._archive())
        memory.idle = Idle({})
        self._replay(memory, 0, upto, set())
        return memory

    def _replay(self, memory: Memory, after: int, upto: int, types: set[str]) -> int:
        """Takes in the commits after … upto; returns the time of the last one, 0 if there is none."""
        seen: set[type] = set()
        time_ns = 0
        for last, record in self._reader.records(after) if upto > after else ():
            first, commits = self._decode(record)
            for position, commit in enumerate(commits, first):
                if position > after:
                    memory.take_in(commit, position)
                    seen.update(map(type, commit.events))
                    time_ns = commit.time_ns
            if memory.idle:
                memory.evict(time_ns, 1 << 63)
            self._beat()
            if last >= upto:
                break
        types.update(wire_tag(event) for event in seen)
        return time_ns

    def _archive(self) -> StoreArchive:
        return StoreArchive(self._reader, self._app, self._reader.sequence, _never)


def commands_of(reader: Reader) -> CommandAt:
    """What this event store says of a position."""

    def command_at(position: int) -> str:
        for found, entry in reader.entries(position - 1):
            return decode_commit(entry).command if found == position else ""
        return ""

    return command_at


def _never() -> None:
    raise CorruptData("the event store ends before a position that it had")
