"""The pipeline: the command side of a node in one thread, with gate, journal, core and store one after the
other.

The same parts as in the processes, with the same bytes between them: a message is admitted by the gate,
journaled with a flush, decoded by the core from the section that was journaled, stored from the encoded
batch, and answered from what was stored. Only the rings are left out.
"""

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from engine.base.errors import NoSpace
from engine.base.log import Log, log_error
from engine.base.log_codes import Code
from engine.core.archive import Superseded
from engine.core.partition import Partition
from engine.model.app import Engine
from engine.node.config import Config
from engine.node.data_directory import DataDirectory
from engine.stages.gate import Gate, Limits
from engine.stages.recovering import Past
from engine.stages.sequencer import Sequencer
from engine.stages.storing import Storing
from engine.store import Reader, Writer
from engine.wire.answers import encode_answers
from engine.wire.batches import Batch, decode_batch, encode_batch
from engine.wire.busy import BusyReason
from engine.wire.doorbell import Notice
from ringbuffer.layout import longest_record

MAP_BYTES = 1 << 30
SEGMENT_BYTES = 1 << 20
MOST_TRIES = 10  # of a step that fails for an unknown reason, as often as a supervisor restarts a process

Publish = Callable[[Notice], None]


class Lane:
    """One partition: its core and its store."""

    def __init__(
        self,
        app: Engine,
        data: DataDirectory,
        number: int,
        window: int,
        publish: Publish,
        log: Log,
    ) -> None:
        self._publish, self._log = publish, log
        self.writer = Writer(data.store(number), data.map_bytes, 2 * window, data.index_key)
        self.reader = Reader.beside(self.writer)
        self.storing = Storing(self.writer, number, data.refused(number))
        self.replies: list[bytes] = []
        self._past = Past(
            app,
            data.journal,
            data.refused(number),
            data.snapshot_folder(number),
            self.reader,
            self.storing,
            window=window,
            most_bytes=longest_record(Config().ring_bytes),
            log=log,
            beat=lambda _: None,
            wait=_never,
        )
        try:
            self.partition: Partition = self._past.partition()
        except BaseException:
            self.close()
            raise

    def replay(self, journaled: int) -> None:
        """Runs the journal after what is stored."""
        self._past.replay(self.partition, journaled, self._run)

    def take(self, sections: Sequence[bytes]) -> None:
        """Decides sections, stores what comes of them, then answers and publishes it."""
        self._past.take(self.partition, sections, self._run)

    def close(self) -> None:
        """Closes the store."""
        self.writer.close()

    def _run(self, section: bytes) -> None:
        for batch in self.partition.batches(section):
            self._store(decode_batch(encode_batch(batch)))
            if self.storing.epoch != self.partition.epoch:
                raise Superseded

    def _store(self, batch: Batch) -> None:
        """As often as a supervisor would start the output process again, which has the batch in its ring."""
        for left in reversed(range(MOST_TRIES)):
            try:
                answers, notices, conflict = self.storing.store([batch])
                for some in answers:
                    self.replies += some
                for notice in notices:
                    self._publish(notice)
                if conflict is not None:
                    log_error(self._log, Code.OUTPUT_CONFLICT, conflict)
                return
            except Exception as error:
                if not left:
                    raise
                self._log(Code.KIT_RETRIED, "tried again", error=repr(error))


class Pipeline:
    """All partitions of a node, with one gate and one journal. `now_ns` is its clock."""

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
        self.limits = replace(Limits.of(config), longest_wait_s=0.0)  # nothing waits here
        self._gate = Gate(self.limits, partitions)
        window = config.duplicate_window
        self.lanes: list[Lane] = []
        with contextlib.ExitStack() as opened:
            for number in range(partitions):
                self.lanes.append(Lane(app, data, number, window, publish, log))
                opened.callback(self.lanes[-1].close)
            sequences = [lane.storing.sequence for lane in self.lanes]
            self.sequencer = Sequencer(
                data.journal, sequences, segment_bytes=SEGMENT_BYTES, background=False
            )
            opened.callback(self.sequencer.close)
            for _ in self.sequencer.replay([self.sequencer.sequence] * partitions):
                raise AssertionError("no lane has seen more than was journaled")
            for lane in self.lanes:
                lane.replay(self.sequencer.sequence)
                lane.replies.clear()  # the clients that asked are gone
            self._opened = opened.pop_all()

    def take(self, messages: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Runs (client, frame) messages to their end; returns (client, frame of answers)."""
        # Ids are of the time that it is, whatever the clock of a test says.
        admitted = self._gate.admit(messages, max(self._now_ns(), time.time_ns()))
        answers = list(admitted.refused)
        if admitted.groups:
            stamped = self.sequencer.stamp(admitted.groups, self._now_ns())
            try:
                self.sequencer.journal(stamped)
            except NoSpace:
                answers += self._gate.turn_away(admitted.groups, BusyReason.FULL)
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
        self._opened.close()


def _never() -> Any:
    raise AssertionError("in one thread there is nothing to wait for")


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """In memory where there is such a place: a flush costs nothing there, and a test loses no power."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="ringfold-inline-", dir=memory)
