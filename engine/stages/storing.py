"""Storing and answering: what the output stage makes of the batches that its core hands on.

    batches ──one transaction──▶ stored ──▶ answers, then notices for the doorbell

Nothing is answered or rung before it is durable. Batches are delivered again until their answers are on their
way, so a batch that is stored already is only answered again.

Where another process has appended to the store, what the core decided meanwhile does not fit. Nothing of it
is stored: a new epoch begins, batches of older ones are dropped, and the core decides them again. So it is
with a command that turns out to be impossible to store; it is noted first, and the core refuses it then.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.base.crash import crash_point
from engine.base.errors import CorruptData, NoSpace
from engine.journal.refused import add_refused
from engine.store import Conflict, Writer
from engine.store.commands import LocatedCommit
from engine.store.writer import Impossible
from engine.wire.answers import Committed
from engine.wire.batches import Batch, decode_duplicates, encode_reply
from engine.wire.doorbell import Notice


class Stored(NamedTuple):
    """What has to leave, in this order. `conflict`: why a new epoch has begun, which the core must be told
    once the answers have left."""

    answers: list[bytes]
    """records for the ring to the input stage"""
    notices: list[Notice]
    conflict: Conflict | None


class Storing:
    """The output stage of one partition. `epoch`: how often another process's append has made the core go
    back; batches of other epochs are dropped. `refused`: the file that lists what cannot be stored."""

    def __init__(self, writer: Writer, partition: int, refused: Path, epoch: int = 0) -> None:
        self.epoch = epoch
        self._writer, self._partition, self._refused = writer, partition, refused

    @property
    def sequence(self) -> int:
        """The last command sequence whose outcome is stored."""
        return self._writer.sequence

    @property
    def position(self) -> int:
        """The last position stored."""
        return self._writer.position

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
        again = [(who, self._commit_of(id)) for who, id in _duplicates(batches)]
        answers = [batch.replies for batch in batches if batch.replies]
        answers += [self._answered_again(who, located) for who, located in again]
        notices = [
            Notice(self._partition, batch.first_position, batch.last_position, batch.log)
            for batch in batches
            if batch.commits
        ]
        # Rung again: the first notice may have been lost in a power cut.
        notices += {Notice(self._partition, *located.record): None for _, located in again}
        return Stored(answers, notices, conflict)

    def _commit_of(self, id: str) -> LocatedCommit:
        located = self._writer.find_command(id)
        if located is None:
            path = self._writer.path
            raise CorruptData("the command index lacks a command that was committed", path=path, command=id)
        return located

    def _refuse(self, impossible: Impossible) -> None:
        try:
            add_refused(self._refused, impossible.refusal.sequence, impossible.refusal.why)
        except OSError as error:
            text = "what cannot be stored cannot be noted"
            raise NoSpace(text, path=self._refused, error=error) from error

    def _answered_again(self, who: bytes, located: LocatedCommit) -> bytes:
        commit = located.commit
        answer = Committed(commit.command, commit.version, self._partition, located.position, commit.result)
        return encode_reply(who, 1, answer.encode())


def _unseen(batches: Iterable[Batch], sequence: int) -> Iterable[Batch]:
    """Those beyond a sequence, each once. After a restart of the core the ring may hold a batch twice."""
    for batch in batches:
        if batch.last_sequence > sequence:
            yield batch
            sequence = batch.last_sequence


def _duplicates(batches: Iterable[Batch]) -> Iterable[tuple[bytes, str]]:
    """(client, id) of every command that was committed before."""
    for batch in batches:
        yield from decode_duplicates(batch.duplicates)
