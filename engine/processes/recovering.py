"""How a core comes to its state: the newest snapshot, the events behind it, the journal behind those.

Also how it comes to it again, when somebody else has appended to the event store: everything that was
decided in ignorance of that is undone and decided anew, in the same order, unseen by any client.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from engine.core.partition import Partition
from engine.journal import read
from engine.model.app import Engine
from engine.operate.errors import RingfoldError
from engine.operate.status import Slot, State
from engine.processes.stage import Stage
from engine.snapshots import commands_of, load_newest
from engine.store import Reader
from engine.store.archive import StoreArchive
from engine.wire.log import record_decoder
from engine.wire.sections import decode_payload, last_sequence

Run = Callable[[bytes], None]
"""Runs one section and hands on what comes of it."""


class Past:
    """The stored past of one partition, as its core needs it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.app: Engine = stage.app()
        self.reader = Reader(stage.store(stage.partition), stage.config["map_bytes"])
        self.output: Slot = stage.slot_of(f"output-{stage.partition}")
        self._decode = record_decoder(self.app).decode

    def partition(self) -> Partition:
        """State as the event store has it."""
        stage = self.stage
        archive = StoreArchive(self.reader, self.app, lambda: self.output.sequence, self._wait)
        partition = Partition(
            self.app,
            stage.partition,
            window=stage.config["duplicate_window"],
            archive=archive,
            log=stage.log,
        )
        stage.slot.state = State.REPLAYING
        partition.epoch = self.output.epoch  # before looking: what is appended from now on is a new epoch
        stored, position = self.reader.watermark()
        snapshot = load_newest(
            stage.data,
            stage.partition,
            self.app,
            position,
            stage.log,
            command_at=commands_of(self.reader),
            beat=stage.beat,
        )
        if snapshot is not None:
            partition.restore(
                snapshot.position, snapshot.aggregates, snapshot.time_ns, snapshot.complete
            )
        for last, record in self.reader.records(partition.position):
            first, commits = self._decode(record)
            if first <= partition.position:
                commits = commits[partition.position + 1 - first :]
            partition.load(partition.position + 1, commits)
            stage.beat()
            stage.slot.position = last
            if last >= position:
                break
        for id, answer in self.reader.remembered(upto=stored):
            partition.window.remember(id, answer)
        partition.settle(stored, self.reader.last_command())
        return partition

    def replay(self, partition: Partition, journaled: int, run: Run) -> None:
        """Runs the journal behind what is stored, up to sequence `journaled`."""
        for frame in read(self.stage.data / "journal", partition.sequence, journaled):
            for number, section in decode_payload(frame.payload):
                if number == partition.number and last_sequence(section) > partition.sequence:
                    run(section)
                    self.stage.beat()

    def go_back(self, partition: Partition, run: Run) -> None:
        """Somebody else has appended: undoes what was decided since, and decides it anew."""
        came = partition.sequence
        while partition.epoch != self.output.epoch:
            epoch = self.output.epoch
            stored, position = self.reader.watermark()
            partition.go_back(stored, position, partial(self._since, upto=position))
            partition.epoch = epoch
            self.stage.log(f"somebody appended to the event store: going back to sequence {stored}")
        self.replay(partition, came, run)

    def _since(self, after: int, upto: int) -> Iterator[Any]:
        for _, record in self.reader.records(after):
            first, commits = self._decode(record)
            for position, commit in enumerate(commits, first):
                if after < position <= upto:
                    yield commit

    def _wait(self) -> None:
        if self.stage.waits():
            raise RingfoldError("the supervisor is gone")
        time.sleep(0.001)
