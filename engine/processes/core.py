"""The core process of a partition, which takes sections from the ring, decides, and hands batches on.

It owns all aggregates of its partition. Its state is always what the event store and the journal say.
After a crash it loads the stored events, replays the journaled commands after them through the same code
(`recovering`), and continues with the ring.
"""

import contextlib
import gc
import sys
import time
from collections.abc import Iterator

from engine.base.crash import crash_point
from engine.base.errors import RingfoldError
from engine.core.partition import Partition
from engine.node.process import STARTED, NodeProcess, run
from engine.node.roles import INBOX, OUTBOX, Kind, Role
from engine.node.status import State
from engine.stages.metering import CoreMetering
from engine.stages.poison import Poison
from engine.stages.recovering import Past
from engine.wire.batches import encode_batch
from ringbuffer import Aborted, Producer


def main(process: NodeProcess) -> None:
    """The loop: take, decide, hand on, release."""
    # Replay decodes at another depth of the stack than the gate did, and what passed there must pass here.
    sys.setrecursionlimit(2 * sys.getrecursionlimit())
    gc.disable()  # aggregates and messages make no cycles; a full collection over millions would stall
    bell = process.bell(process.role)
    inbox = process.consumer(INBOX, bell)
    outbox = process.producer(OUTBOX)
    # What an earlier life handed on is stored first; if it were decided again, it might differ or be set
    # aside.
    process.wait_until(lambda: outbox.backlog == 0)
    poison = Poison(process.data.poisoned(process.partition), process.slot)
    process.slot.state = State.REPLAYING
    with beside_the_look(process):
        past = past_of(process, outbox.longest_record)
        gc.collect()  # not once everything is loaded: it would visit all of it, which takes a second
        partition = past.partition()

    def decide(section: bytes) -> None:
        for batch in poison.run(partition, section):
            crash_point("core.decided")
            hand_on(process, outbox, encode_batch(batch))
            crash_point("core.handed-on")
            del batch  # otherwise its memory would not be free for the next one

    past.replay(partition, inbox.mark - 1, decide)
    partition.outcomes.clear()  # counted by an earlier life
    metering = CoreMetering(process.meters)
    crash_point("core.replayed")
    tell(process, partition)
    process.running()
    while True:
        sections = inbox.take(1 << 20)
        if sections:
            crash_point("core.taken")
        past.take(partition, sections, decide)
        process.beat()
        if sections:
            inbox.release()
            crash_point("core.released")
            tell(process, partition)
            metering.decided(partition.outcomes)
            process.worked()
        elif inbox.finished:
            if past.output.sequence >= partition.sequence:
                break
            bell.wait(0.005)  # until all is stored, since it might have to be decided again
        elif not inbox.wait(process.patience()) and process.abort():
            return
    outbox.finish()


@contextlib.contextmanager
def beside_the_look(process: NodeProcess) -> Iterator[None]:
    """Loads beside the input's look for damage, which is over afterwards; nothing is decided before.

    So loading may meet damage first. The look names its place better, and ends the node: an error waits for
    it. A life that damage ended without one is followed by one that loads after the look."""
    if process.slot.restarts:
        process.wait_for_look()
    else:
        output = process.slot_of(Role(Kind.OUTPUT, process.partition))
        process.wait_until(lambda: output.state in STARTED)  # and has made the store, where there was none
    try:
        yield
    except Exception:
        process.wait_for_look()
        raise
    process.wait_for_look()


def past_of(process: NodeProcess, most_bytes: int) -> Past:
    """The stored past of this process's partition."""

    def beat(position: int) -> None:
        if process.waits():
            raise RingfoldError("the supervisor is gone")
        process.slot.position = max(position, process.slot.position)

    def wait() -> None:
        if process.waits():
            raise RingfoldError("the supervisor is gone")
        time.sleep(0.001)

    return Past(
        process.app(),
        process.data.journal,
        process.data.refused(process.partition),
        process.data.snapshot_folder(process.partition),
        process.data.reader(process.partition),
        process.slot_of(Role(Kind.OUTPUT, process.partition)),
        window=process.config.duplicate_window,
        most_bytes=most_bytes,
        log=process.log,
        beat=beat,
        wait=wait,
    )


def tell(process: NodeProcess, partition: Partition) -> None:
    """The line on the status page."""
    slot = process.slot
    slot.sequence, slot.position = partition.sequence, partition.position
    slot.aggregates = len(partition.aggregates)


def hand_on(process: NodeProcess, outbox: Producer, batch: bytes) -> None:
    """Publishes a batch, waiting for room as long as the node lives."""
    if not outbox.try_publish((batch,)):
        try:
            outbox.publish((batch,), deadline_s=float("inf"), abort=process.waits)
        except Aborted:
            raise RingfoldError("the supervisor is gone") from None


if __name__ == "__main__":
    run(main)
