"""The standby, which makes the next snapshot of a partition from the one before and the events after it.

    newest usable snapshot ──▶ memory ◀── events of the store up to W ──▶ next snapshot ──▶ two are kept

The core takes no part in it, because the event store has all that the core knows. A snapshot needs no other
proof: what goes into it is exactly what a start would load from the store.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from engine.base.crash import crash_point
from engine.base.errors import CorruptData
from engine.base.log import Log
from engine.core.idle import Idle
from engine.core.memory import Memory
from engine.model.app import Engine
from engine.model.messages import wire_tag
from engine.snapshots.code import code_mark
from engine.snapshots.folder import SnapshotFile, SnapshotFolder
from engine.snapshots.format import SnapshotHeader
from engine.snapshots.loading import Snapshot, load_newest
from engine.snapshots.writing import write
from engine.store.archive import StoreArchive
from engine.store.reader import Reader
from engine.wire.log import record_decoder


class PartitionState(NamedTuple):
    """A partition at a position. `base`: the snapshot that it began with. `time_ns`: of the last commit."""

    base: Snapshot | None
    memory: Memory
    time_ns: int
    event_types: set[str]


class Standby:
    """The standby of one partition. It holds nothing between two snapshots.

    `beat` is called every now and then; what it raises ends the work and leaves nothing.
    """

    def __init__(
        self,
        folder: SnapshotFolder,
        app: Engine,
        reader: Reader,
        log: Log,
        *,
        beat: Callable[[], object] = lambda: None,
    ) -> None:
        self.folder, self._app, self._reader = folder, app, reader
        self._log, self._beat = log, beat
        self._decode = record_decoder(app).decode

    def take(self) -> SnapshotFile | None:
        """The next snapshot, as the event store is now; None if there is nothing new since the last one.

        OSError, CorruptData and whatever `save_state` raises: no snapshot was made, and those before are
        kept.
        """
        sequence, position = self._reader.watermark()
        if not sequence and not position:
            return None
        state = self.caught_up(position)
        base, memory = state.base, state.memory
        if base is not None and (base.position, base.sequence) == (position, sequence):
            return None
        crash_point("snapshot.state")
        header = SnapshotHeader(
            partition=self.folder.partition,
            position=position,
            sequence=sequence,
            time_ns=state.time_ns,
            command=self._reader.command_at(position),
            aggregates=0,
            chunks=0,
            complete=not memory.gaps,
            classes=[],
            event_types=sorted(state.event_types),
            app=self._app.name,
            code=code_mark(self._app),
            made_ns=time.time_ns(),
        )
        snapshot = write(self.folder, header, memory.aggregates, self._beat)
        self.folder.keep(snapshot.path, *([base.path] if base else []))
        crash_point("snapshot.kept")
        return snapshot

    def caught_up(self, upto: int) -> PartitionState:
        """The newest snapshot at or below a position, with the events up to that position applied."""
        base = load_newest(
            self.folder,
            self._app,
            upto,
            self._log,
            command_at=self._reader.command_at,
            beat=self._beat,
        )
        memory = Memory(self._app, self._archive())
        types: set[str] = set()
        after, time_ns = 0, 0
        if base is not None:
            memory.restore(base.aggregates, base.time_ns)
            memory.gaps = not base.complete
            after, time_ns, types = base.position, base.time_ns, base.event_types
        time_ns = self._replay(memory, after, upto, types) or time_ns
        return PartitionState(base, memory, time_ns, types)

    def replayed(self, upto: int) -> Memory:
        """The state after the events up to a position, made without a snapshot; idle aggregates are in it."""
        memory = Memory(self._app, self._archive())
        memory.idle = Idle({})
        self._replay(memory, 0, upto, set())
        return memory

    def _replay(self, memory: Memory, after: int, upto: int, types: set[str]) -> int:
        """Applies the commits after … upto; returns the time of the last one, 0 if there is none."""
        seen: set[type] = set()
        time_ns = 0
        for last, record in self._reader.records(after) if upto > after else ():
            first, commits = self._decode(record)
            for position, commit in enumerate(commits, first):
                if position > after:
                    memory.apply(commit, position)
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


def _never() -> None:
    raise CorruptData("the event store ends before a position that it had")
