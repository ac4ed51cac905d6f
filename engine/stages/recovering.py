"""Recovering the state of a core: the newest snapshot, the events after it, the journal after those.

The same is done when another process has appended to the event store, or when the output could not store
some command. Everything that was decided without knowing of that is undone and decided again, in the same
order, without any client noticing.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from engine.base.log import Log
from engine.base.log_codes import Code
from engine.core.archive import Superseded
from engine.core.partition import Partition
from engine.journal import read
from engine.journal.refused import read_refused
from engine.model.app import Engine
from engine.snapshots import SnapshotFolder, load_newest
from engine.store import Reader
from engine.store.archive import StoreArchive
from engine.wire.log import record_decoder
from engine.wire.sections import decode_payload, last_sequence

Run = Callable[[bytes], None]
"""Runs one section and hands on its batches."""


class Output(Protocol):
    """What the core knows of its output: the last sequence stored, the last one of what this core decided,
    and how often it has to go back."""

    @property
    def sequence(self) -> int: ...

    @property
    def settled(self) -> int: ...

    @property
    def epoch(self) -> int: ...


class Past:
    """The stored past of one partition, as its core needs it. `refused`: the file that lists what its output
    found impossible to store. `beat(position)` is called every now and then
    while it is applied; `wait()` while something is not stored yet; it raises if that will never be."""

    def __init__(
        self,
        app: Engine,
        journal: Path,
        refused: Path,
        snapshots: SnapshotFolder,
        reader: Reader,
        output: Output,
        *,
        window: int,
        most_bytes: int,
        log: Log,
        beat: Callable[[int], object],
        wait: Callable[[], None],
    ) -> None:
        self.app, self.reader, self.output = app, reader, output
        self._journal, self._refused = journal, refused
        self._snapshots, self.number = snapshots, snapshots.partition
        self._window, self._most_bytes = window, most_bytes
        self._log, self._beat, self._wait = log, beat, wait
        self._decode = record_decoder(app).decode

    def partition(self) -> Partition:
        """Loads the state that the event store has."""

        def wait() -> None:
            if partition.epoch != self.output.epoch:
                raise Superseded
            self._wait()

        archive = StoreArchive(self.reader, self.app, lambda: self.output.settled, wait)
        partition = Partition(
            self.app,
            self.number,
            window=self._window,
            archive=archive,
            index_key=self.reader.index_key,
            most_bytes=self._most_bytes,
            log=self._log,
        )
        partition.epoch = self.output.epoch  # read first, so that an append from now on is a new epoch
        stored, position = self.reader.watermark()
        snapshot = load_newest(
            self._snapshots,
            self.app,
            position,
            self._log,
            command_at=self.reader.command_at,
            beat=lambda: self._beat(0),
        )
        if snapshot is not None:
            partition.restore(snapshot.position, snapshot.aggregates, snapshot.time_ns, snapshot.complete)
        for last, record in self.reader.records(partition.position):
            first, commits = self._decode(record)
            if first <= partition.position:
                commits = commits[partition.position + 1 - first :]
            partition.load(partition.position + 1, commits)
            self._beat(last)
            if last >= position:
                break
        for id, answer in self.reader.remembered(stored, 2 * partition.window.most_bytes):
            partition.window.remember(id, answer)
        partition.settle(stored, self.reader.last_command())
        partition.refused = read_refused(self._refused)
        return partition

    def replay(self, partition: Partition, journaled: int, run: Run) -> None:
        """Runs the journal after what is stored, up to sequence `journaled`; again after a foreign append."""
        while True:
            try:
                return self._replay(partition, journaled, run)
            except Superseded:
                self.undo(partition)

    def take(self, partition: Partition, sections: Iterable[bytes], run: Run) -> None:
        """Runs the sections that come now; what was run before is passed over. Goes back first, and wherever
        it turns out, if another process has appended."""
        if partition.epoch != self.output.epoch:
            self.go_back(partition, run)
        for section in sections:
            while last_sequence(section) > partition.sequence:
                try:
                    run(section)
                except Superseded:
                    self.go_back(partition, run)

    def follow(self, partition: Partition) -> bool:
        """Applies what another node has decided, if there is any and nothing of this one is in flight. True
        if there was."""
        if partition.epoch != self.output.epoch or self.output.sequence <= partition.sequence:
            return False
        if partition.in_flight(self.output.settled):
            return False
        sequence, position = self.reader.watermark()
        before = partition.sequence
        commits = list(self._since(partition.position, position))
        outcomes = self.reader.outcomes_since(before, sequence)
        partition.follow(sequence, commits, outcomes)
        return True

    def go_back(self, partition: Partition, run: Run) -> None:
        """Another process has appended: undoes what was decided since, and decides it again."""
        came = partition.sequence
        self.undo(partition)
        self.replay(partition, came, run)

    def _replay(self, partition: Partition, journaled: int, run: Run) -> None:
        for frame in read(self._journal, partition.sequence, journaled):
            for number, section in decode_payload(frame.payload):
                if number == partition.number and last_sequence(section) > partition.sequence:
                    run(section)
            self._beat(partition.position)  # even while all of it is of other partitions

    def undo(self, partition: Partition) -> None:
        """Undoes what was decided without knowing of what another process has stored."""
        while partition.epoch != self.output.epoch:
            epoch = self.output.epoch
            stored, position = self.reader.watermark()
            settled = self.output.settled
            partition.go_back(
                stored,
                position,
                partial(self._since, upto=position),
                settled=settled,
                outcomes=self.reader.outcomes_since(settled, stored),
            )
            partition.epoch = epoch
            partition.refused = read_refused(self._refused)
            self._log(Code.CORE_GOES_BACK, "going back to what is stored", sequence=stored)

    def _since(self, after: int, upto: int) -> Iterator[Any]:
        for _, record in self.reader.records(after):
            first, commits = self._decode(record)
            for position, commit in enumerate(commits, first):
                if after < position <= upto:
                    yield commit
