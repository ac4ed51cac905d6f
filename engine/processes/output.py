"""The output process of a partition: one transaction for all batches at hand, then answers, then the bell.

Nothing is answered or published before it is durable. Batches are released from the ring last, so a
crash anywhere before that delivers them again; those already stored are recognised by their sequence
and only answered again.

If another process has appended to the store, what the core decided meanwhile does not fit. Nothing of it
is stored: a new epoch begins, batches of older ones are dropped, and the core decides them again.
"""

import time

import zmq

from engine.base.crash import crash_point
from engine.base.errors import InvariantBroken, NoSpace, RingfoldError
from engine.base.log import log_error
from engine.base.log_codes import Code
from engine.node.process import NodeProcess, run
from engine.node.roles import OUTBOX, REPLIES, Kind, Role
from engine.node.status import State
from engine.store import Conflict, Writer
from engine.store.commands import LocatedCommit
from engine.wire.answers import Committed
from engine.wire.batches import Batch, decode_batch, decode_duplicates, encode_reply
from engine.wire.doorbell import encode_beat, encode_notice
from ringbuffer import Aborted

READER_CHECK_S = 5.0
BEAT_S = 1.0  # bounds how long what was stored goes unheard if its notice was lost
RETRY_S = 0.2


def main(stage: NodeProcess) -> None:
    """The loop: take, store, answer, ring the doorbell, release."""
    config = stage.config
    writer = Writer(stage.data.store(stage.partition), stage.data.map_bytes, 2 * config.duplicate_window)
    outbox = stage.consumer(OUTBOX, stage.bell(stage.role))
    replies = stage.producer(REPLIES)
    doorbell: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUB)
    doorbell.setsockopt(zmq.LINGER, 200)
    doorbell.bind(stage.endpoints.events[stage.partition])
    core = stage.bell(Role(Kind.CORE, stage.partition))
    check_readers_at = beat_at = 0.0
    stage.slot.sequence, stage.slot.position = writer.sequence, writer.position
    stage.running()
    while True:
        batches = [decode_batch(record) for record in outbox.take(1 << 20)]
        stage.beat()
        if batches:
            batches = [batch for batch in batches if batch.epoch == stage.slot.epoch]
            conflict: Conflict | None = None
            try:
                store(stage, writer, unseen(batches, writer.sequence))
            except Conflict as found:
                conflict = found
                # What an earlier life had stored is not decided again, so it must be answered here.
                batches = [batch for batch in batches if batch.last_sequence <= writer.sequence]
            crash_point("output.stored")
            again = duplicates_in(writer, batches)
            answers = answers_of(batches, again, stage.partition)
            if answers:
                try:
                    replies.publish(answers, deadline_s=float("inf"), abort=stage.waits)
                except Aborted:
                    return
            for batch in batches:
                if batch.commits:
                    first, last = batch.first_position, batch.last_position
                    doorbell.send(encode_notice(stage.partition, first, last, batch.log))
            for first, last, record in {hit.record: None for _, hit in again}:
                # Published again: the first time may have been lost in a power cut.
                doorbell.send(encode_notice(stage.partition, first, last, record))
            if conflict is not None:
                log_error(stage.log, Code.OUTPUT_CONFLICT, conflict)
                stage.slot.epoch += 1
                core.ring()
            outbox.release()
            stage.slot.sequence, stage.slot.position = writer.sequence, writer.position
            stage.worked()
        elif outbox.finished:
            break
        elif not outbox.wait(stage.patience()):
            if stage.abort():
                return
            if time.monotonic() > check_readers_at:
                writer.check_readers()
                check_readers_at = time.monotonic() + READER_CHECK_S
        if time.monotonic() > beat_at:
            doorbell.send(encode_beat(stage.partition, writer.position))
            beat_at = time.monotonic() + BEAT_S
    writer.close()
    replies.finish()
    doorbell.close()


def unseen(batches: list[Batch], sequence: int) -> list[Batch]:
    """Those not yet stored. After a restart of the core the ring may hold a batch twice."""
    new: list[Batch] = []
    for batch in batches:
        if batch.last_sequence > sequence:
            new.append(batch)
            sequence = batch.last_sequence
    return new


def store(stage: NodeProcess, writer: Writer, batches: list[Batch]) -> None:
    """Commits, however long it takes the operator to make room; upstream answers `busy` meanwhile."""
    while batches:
        try:
            writer.commit(batches)
            stage.slot.state = State.RUNNING
            return
        except NoSpace as error:
            if stage.slot.state != State.WAITING_FOR_ROOM:
                log_error(stage.log, Code.OUTPUT_NO_ROOM, error)
            stage.slot.state = State.WAITING_FOR_ROOM
            if stage.waits():
                raise RingfoldError("the supervisor is gone") from None
            time.sleep(RETRY_S)


def duplicates_in(writer: Writer, batches: list[Batch]) -> list[tuple[bytes, LocatedCommit]]:
    """(client, what the store has) for every command that was committed before."""
    found: list[tuple[bytes, LocatedCommit]] = []
    for batch in batches:
        for who, id in decode_duplicates(batch.duplicates):
            hit = writer.find_command(id)
            if hit is None:
                raise InvariantBroken("the core knows a commit that is not stored", command=id)
            found.append((who, hit))
    return found


def answers_of(batches: list[Batch], again: list[tuple[bytes, LocatedCommit]], partition: int) -> list[bytes]:
    """The replies of all batches, then those to duplicates."""
    answers = [batch.replies for batch in batches if batch.replies]
    for who, (commit, position, _) in again:
        answer = Committed(commit.command, commit.version, partition, position, commit.result)
        answers.append(encode_reply(who, 1, answer.encode()))
    return answers


if __name__ == "__main__":
    run(main)
