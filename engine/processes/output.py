"""The output process of a partition: one transaction for all waiting batches, then answers, then the
doorbell.

What is stored and answered is in `engine.stages.storing`. Batches are released from the ring last, so a crash
anywhere before that delivers them again.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import zmq

from engine.base.crash import crash_point
from engine.base.errors import NoSpace, RingfoldError
from engine.base.guard import Guard
from engine.base.log import log_error
from engine.base.log_codes import Code
from engine.node.process import NodeProcess, run
from engine.node.roles import OUTBOX, REPLIES, Kind, Role
from engine.node.status import State
from engine.stages.metering import OutputMetering
from engine.stages.storing import Storing
from engine.store import Writer
from engine.wire.batches import decode_batch
from engine.wire.doorbell import encode_beat, encode_notice
from ringbuffer import Aborted

T = TypeVar("T")

READER_CHECK_S = 5.0
BEAT_S = 1.0  # the longest time until a lost notice is noticed
RETRY_S = 0.2
LONGEST_SUBSCRIPTION = 1_024  # of what a subscriber may send


def main(process: NodeProcess) -> None:
    """The loop: take, store, answer, ring the doorbell, release."""
    data, window = process.data, process.config.duplicate_window
    writer = Writer(data.store(process.partition), data.map_bytes, 2 * window, data.index_key)
    refused = data.refused(process.partition)
    storing = Storing(writer, process.partition, refused, process.slot.epoch, process.beat)
    outbox = process.consumer(OUTBOX, process.bell(process.role))
    replies = process.producer(REPLIES)
    doorbell = doorbell_of(process)
    metering = OutputMetering(process.meters, data.clock.now_ns)
    core = process.bell(Role(Kind.CORE, process.partition))
    check_readers_at = beat_at = 0.0
    process.slot.settled = process.slot.sequence = storing.sequence
    process.slot.position = storing.position
    process.running()
    while True:
        batches = [decode_batch(record) for record in outbox.take(1 << 20)]
        process.beat()
        if batches:
            crash_point("output.taken")
            answers, notices, conflict = store(process, partial(storing.store, batches))
            try:
                for some in answers:
                    replies.publish(some, deadline_s=float("inf"), abort=process.waits)
            except Aborted:
                return
            crash_point("output.answered")
            metering.stored(batches, storing.flush_ns)
            for notice in notices:
                doorbell.send(encode_notice(*notice))
            crash_point("output.announced")
            if conflict is not None:
                log_error(process.log, Code.OUTPUT_CONFLICT, conflict)
                process.slot.epoch = storing.epoch
                core.ring()
            outbox.release()
            crash_point("output.released")
            process.slot.settled = process.slot.sequence = storing.sequence
            process.slot.position = storing.position
            process.worked()
        elif outbox.finished:
            break
        elif not outbox.wait(process.patience()) and process.abort():
            return
        if time.monotonic() > check_readers_at:  # under load too, when what a killed reader pins grows
            writer.check_readers()
            check_readers_at = time.monotonic() + READER_CHECK_S
        if time.monotonic() > beat_at:
            doorbell.send(encode_beat(process.partition, writer.position))
            beat_at = time.monotonic() + BEAT_S
    writer.close()
    replies.finish()
    doorbell.close()


def doorbell_of(process: NodeProcess) -> "zmq.Socket[bytes]":
    """The socket on which the followers of this partition hear what is new."""
    doorbell: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUB)
    doorbell.setsockopt(zmq.LINGER, 200)
    doorbell.setsockopt(zmq.MAXMSGSIZE, LONGEST_SUBSCRIPTION)
    Guard(doorbell, partial(process.log, Code.CLIENT_REFUSED))
    doorbell.bind(process.endpoints.events[process.partition])
    return doorbell


def store(process: NodeProcess, work: Callable[[], T]) -> T:
    """Stores, however long it takes the operator to make room; upstream answers `busy` meanwhile."""
    while True:
        try:
            stored = work()
        except NoSpace as error:
            if process.slot.state != State.WAITING_FOR_ROOM:
                log_error(process.log, Code.OUTPUT_NO_ROOM, error)
            process.slot.state = State.WAITING_FOR_ROOM
            if process.waits():
                raise RingfoldError("the supervisor is gone") from None
            time.sleep(RETRY_S)
        else:
            if process.slot.state == State.WAITING_FOR_ROOM:
                process.slot.state = State.RUNNING
            return stored


if __name__ == "__main__":
    run(main)
