"""Storing and answering: what the output stage makes of the batches that its core hands on.

    batches ──one transaction──▶ stored ──▶ answers, then notices for the doorbell

Nothing is answered or rung before it is durable. Batches are delivered again until their answers are on their
way, so a batch that is stored already is only answered again.

Where another process has appended to the store, what the core decided meanwhile does not fit. Nothing of it
is stored: a new epoch begins, batches of older ones are dropped, and the core decides them again. So it is
with a command that turns out to be impossible to store; it is noted first, and the core refuses it then.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from engine.base.crash import crash_point
from engine.base.errors import NoSpace
from engine.journal.refused import add_refused
from engine.store import Conflict, Writer
from engine.store.writer import Impossible
from engine.wire.answers import Committed
from engine.wire.batches import Batch, decode_duplicates, encode_reply
from engine.wire.doorbell import Notice

JOINED_BYTES = 64 << 10  # of answers that are joined before they leave


class Stored(NamedTuple):
    """What has to leave, in this order. `conflict`: why a new epoch has begun, which the core must be told
    once the answers have left."""

    answers: Iterable[list[bytes]]
    """records for the ring to the input stage, some at a time, to be gone through once"""
    notices: list[Notice]
    conflict: Conflict | None


class Storing:
    """The output stage of one partition. `epoch`: how often another process's append has made the core go
    back; batches of other epochs are dropped. `refused`: the file that lists what cannot be stored. `beat` is
    called every now and then during long work."""

    def __init__(
        self,
        writer: Writer,
        partition: int,
        refused: Path,
        epoch: int = 0,
        beat: Callable[[], object] = lambda: None,
    ) -> None:
        self.epoch, self._beat = epoch, beat
        self._writer, self._partition, self._refused = writer, partition, refused

    @property
    def sequence(self) -> int:
        """The last command sequence whose outcome is stored."""
        return self._writer.sequence

    @property
    def settled(self) -> int:
        """The same: on one node nothing else decides."""
        return self._writer.sequence

    @property
    def position(self) -> int:
        """The last position stored."""
        return self._writer.position

    @property
    def flush_ns(self) -> int:
        """How long the last transaction took to become durable."""
        return self._writer.flush_ns

    def store(self, batches: Sequence[Batch]) -> Stored:
        """Stores what is new. NoSpace: nothing was kept, and the same batches may be handed in again."""
        batches = [batch for batch in batches if batch.epoch == self.epoch]
        conflict: Conflict | None = None
        try:
            new = list(_unseen(batches, self.sequence))
            if new:
                self._writer.commit(new)
        except Conflict as error:
            if isinstance(error, Impossible):
                self._refuse(error)
            conflict = error
            self.epoch += 1
            # What an earlier life had stored is not decided again, so it must be answered here.
            batches = [batch for batch in batches if batch.last_sequence <= self.sequence]
        crash_point("output.stored")
        return self.answered(batches, conflict)

    def answered(self, batches: Sequence[Batch], conflict: Conflict | None = None) -> Stored:
        """What has to leave for batches that are stored."""
        answers = [batch.replies for batch in batches if batch.replies]
        notices = notices_of(batches, self._partition)
        return Stored(chain([answers] if answers else [], self._answered_again(batches)), notices, conflict)

    def _answered_again(self, batches: Sequence[Batch]) -> Iterator[list[bytes]]:
        """The answers to commands that were committed before: read, joined and handed on bit by bit, so that
        they are never all in memory."""
        asked: dict[str, list[bytes]] = {}
        for batch in batches:
            for who, id in decode_duplicates(batch.duplicates):
                asked.setdefault(id, []).append(who)
        waiting: dict[bytes, list[bytes]] = {}
        waiting_bytes = 0
        for command, version, position, result in self._writer.find_answers(asked, self._beat):
            answer = Committed(command, version, self._partition, position, result).encode()
            for who in asked[command]:
                waiting.setdefault(who, []).append(answer)
                waiting_bytes += len(answer)
                if waiting_bytes > JOINED_BYTES:
                    yield _joined(waiting)
                    waiting, waiting_bytes = {}, 0
        if waiting:
            yield _joined(waiting)

    def _refuse(self, impossible: Impossible) -> None:
        try:
            add_refused(self._refused, impossible.refusal.sequence, impossible.refusal.why)
        except OSError as error:
            text = "what cannot be stored cannot be noted"
            raise NoSpace(text, path=self._refused, error=error) from error


def notices_of(batches: Iterable[Batch], partition: int) -> list[Notice]:
    """What the doorbell says of batches that are stored."""
    return [
        Notice(partition, batch.first_position, batch.last_position, batch.log)
        for batch in batches
        if batch.commits
    ]


def _joined(answers: Mapping[bytes, list[bytes]]) -> list[bytes]:
    return [encode_reply(who, len(some), b",".join(some)) for who, some in answers.items()]


def _unseen(batches: Iterable[Batch], sequence: int) -> Iterable[Batch]:
    """Those beyond a sequence, each once. After a restart of the core the ring may hold a batch twice."""
    for batch in batches:
        if batch.last_sequence > sequence:
            yield batch
            sequence = batch.last_sequence
