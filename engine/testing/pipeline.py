"""The command side of a node in one thread: gate, journal, core and store, one after the other.

The same parts as in the processes, with the same bytes between them: a message is admitted by the gate,
journaled with a flush, decoded by the core from the section that was journaled, stored from the encoded
batch, and answered from what was stored. Only the rings are left out.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from engine.base.errors import NoSpace
from engine.base.log import Log, log_error
from engine.base.log_codes import Code
from engine.core.partition import Partition
from engine.model.app import Engine
from engine.node.config import Config
from engine.node.data_directory import DataDirectory
from engine.processes.output import answers_of, duplicates_in
from engine.stages.gate import Gate, Limits
from engine.stages.recovering import Past
from engine.stages.sequencer import Sequencer
from engine.store import Conflict, Reader, Writer
from engine.wire.answers import encode_answers
from engine.wire.batches import Batch, decode_batch, encode_batch
from engine.wire.sections import last_sequence

MAP_BYTES = 1 << 30
SEGMENT_BYTES = 1 << 20
MOST_TRIES = 10  # of a step that fails for an unknown reason, as often as a supervisor restarts a process

Publish = Callable[[int, int, int, bytes], None]
"""(partition, first position, last position, record)"""


class Lane:
    """One partition: its core and its store."""

    def __init__(
        self, app: Engine, data: DataDirectory, number: int, publish: Publish, log: Log
    ) -> None:
        self.number, self._publish, self._log = number, publish, log
        self.writer = Writer(data.store(number), data.map_bytes)
        self.reader = Reader.beside(self.writer)
        self.epoch = 0
        self.replies: list[bytes] = []
        self._past = Past(
            app,
            data.journal,
            data.snapshot_folder(number),
            self.reader,
            self,
            window=100_000,
            log=log,
            beat=lambda _: None,
            wait=_never,
        )
        self.partition: Partition = self._past.partition()

    @property
    def sequence(self) -> int:
        """The last command sequence whose outcome is stored."""
        return self.writer.sequence

    def replay(self, journaled: int) -> None:
        """Runs the journal behind what is stored."""
        self._past.replay(self.partition, journaled, self.run)

    def take(self, sections: Sequence[bytes]) -> None:
        """Runs what was not replayed already."""
        for section in sections:
            if last_sequence(section) > self.partition.sequence:
                self.run(section)

    def run(self, section: bytes) -> None:
        """Decides a section, stores what comes of it, then answers and publishes it."""
        for batch in self.partition.batches(section):
            if not self._keep(decode_batch(encode_batch(batch))):
                self.epoch += 1
                self._past.go_back(self.partition, self.run)
                return

    def close(self) -> None:
        """Closes the store."""
        self.writer.close()

    def _keep(self, batch: Batch) -> bool:
        """False: another process has appended, and the batch must not be stored."""
        for attempt in range(1, MOST_TRIES + 1):
            try:
                if batch.last_sequence > self.writer.sequence:
                    self.writer.commit([batch])
                again = duplicates_in(self.writer, [batch])
                self.replies += answers_of([batch], again, self.number)
                if batch.commits:
                    self._publish(self.number, batch.first_position, batch.last_position, batch.log)
                for first, last, record in {found.record: None for _, found in again}:
                    self._publish(self.number, first, last, record)
                return True
            except Conflict as conflict:
                log_error(self._log, Code.OUTPUT_CONFLICT, conflict)
                return False
            except Exception as error:  # an output process would end here, and be started again
                if attempt == MOST_TRIES:
                    raise
                self._log(Code.KIT_RETRIED, "tried again", error=repr(error))
        raise AssertionError("it returns or raises")


class Pipeline:
    """All partitions behind one gate and one journal. `now_ns` is its clock."""

    def __init__(
        self,
        app: Engine,
        data: DataDirectory,
        partitions: int,
        now_ns: Callable[[], int],
        publish: Publish,
        log: Log,
    ) -> None:
        config = Config()
        self._now_ns = now_ns
        self.limits = Limits(
            config.max_message_bytes, config.max_commands_per_message, config.max_in_flight_per_client
        )
        self._gate = Gate(self.limits, partitions)
        self.lanes = [Lane(app, data, number, publish, log) for number in range(partitions)]
        self.sequencer = Sequencer(
            data.journal,
            [lane.sequence for lane in self.lanes],
            segment_bytes=SEGMENT_BYTES,
            background=False,
        )
        for _ in self.sequencer.replay([self.sequencer.sequence] * partitions):
            raise AssertionError("no lane has seen more than was journaled")
        for lane in self.lanes:
            lane.replay(self.sequencer.sequence)
            lane.replies.clear()  # the clients that asked are gone

    def take(self, messages: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Runs (client, frame) messages to their end; returns (client, frame of answers)."""
        admitted = self._gate.admit(messages)
        answers = list(admitted.refused)
        if admitted.groups:
            stamped = self.sequencer.stamp(admitted.groups, self._now_ns())
            try:
                self.sequencer.journal(stamped)
            except NoSpace:
                answers += self._gate.turn_away(admitted.groups, "the node is full")
            else:
                answers += admitted.accepted
                for number, sections in stamped.sections.items():
                    self.lanes[number].take(sections)
        for lane in self.lanes:
            replies, lane.replies = lane.replies, []
            answers += self._gate.answers(replies)
        return [(who, encode_answers([body])) for who, body in answers]

    @property
    def time_ns(self) -> int:
        """The last stamp."""
        return self.sequencer.time_ns

    def close(self) -> None:
        """Closes journal and stores."""
        self.sequencer.close()
        for lane in self.lanes:
            lane.close()


def _never() -> Any:
    raise AssertionError("in one thread there is nothing to wait for")


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """In memory where there is such a place: a flush costs nothing there, and a test loses no power."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="ringfold-inline-", dir=memory)
