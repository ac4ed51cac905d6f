"""The core process of a partition, which takes sections from the ring, decides, and hands batches on.

It owns all aggregates of its partition. Its state is always what the event store and the journal say.
After a crash it loads the stored events, replays the journaled commands after them through the same code
(`recovering`), and continues with the ring.
"""

import gc
import sys
import time

from engine.base.errors import ConfigError, RingfoldError
from engine.node.process import NodeProcess, run
from engine.node.roles import INBOX, OUTBOX, Kind, Role
from engine.node.status import State
from engine.stages.poison import Poison
from engine.stages.recovering import Past
from engine.wire.batches import encode_batch
from ringbuffer import Aborted, Producer


def main(stage: NodeProcess) -> None:
    """The loop: take, decide, hand on, release."""
    # Replay decodes at another depth of the stack than the gate did, and what passed there must pass here.
    sys.setrecursionlimit(2 * sys.getrecursionlimit())
    gc.disable()  # aggregates and messages make no cycles; a full collection over millions would stall
    stage.wait_for_stores()
    bell = stage.bell(stage.role)
    inbox = stage.consumer(INBOX, bell)
    outbox = stage.producer(OUTBOX)
    # What an earlier life handed on is stored first; if it were decided again, it might differ or be set
    # aside.
    stage.wait_until(lambda: outbox.backlog == 0)
    poison = Poison(stage.data.poisoned(stage.partition), stage.slot)
    stage.slot.state = State.REPLAYING
    past = past_of(stage)
    partition = past.partition()

    def decide(section: bytes) -> None:
        for batch in poison.run(partition, section):
            hand_on(stage, outbox, encode_batch(batch))
            del batch  # otherwise its memory would not be free for the next one

    past.replay(partition, inbox.mark - 1, decide)
    stage.running()
    while True:
        sections = inbox.take(1 << 20)
        past.take(partition, sections, decide)
        stage.beat()
        if sections:
            inbox.release()
            stage.slot.sequence, stage.slot.position = partition.sequence, partition.position
            stage.worked()
        elif inbox.finished:
            if past.output.sequence >= partition.sequence:
                break
            bell.wait(0.005)  # until all is stored, since it might have to be decided again
        elif not inbox.wait(stage.patience()) and stage.abort():
            return
    outbox.finish()


def past_of(stage: NodeProcess) -> Past:
    """The stored past of this process's partition."""

    def beat(position: int) -> None:
        if stage.waits():
            raise RingfoldError("the supervisor is gone")
        stage.slot.position = max(position, stage.slot.position)

    def wait() -> None:
        if stage.waits():
            raise RingfoldError("the supervisor is gone")
        time.sleep(0.001)

    return Past(
        stage.app(),
        stage.data.journal,
        stage.data.snapshot_folder(stage.partition),
        stage.data.reader(stage.partition),
        stage.slot_of(Role(Kind.OUTPUT, stage.partition)),
        window=stage.config.duplicate_window,
        log=stage.log,
        beat=beat,
        wait=wait,
    )


def hand_on(stage: NodeProcess, outbox: Producer, batch: bytes) -> None:
    """Publishes a batch, waiting for room as long as the node lives."""
    if len(batch) > outbox.longest_record:
        raise ConfigError(
            "what the core made of one batch of commands does not fit into a ring",
            batch_bytes=len(batch),
            ring_bytes=outbox.capacity,
            hint="start again with larger ring_bytes: nothing is lost",
        )
    if not outbox.try_publish((batch,)):
        try:
            outbox.publish((batch,), deadline_s=float("inf"), abort=stage.waits)
        except Aborted:
            raise RingfoldError("the supervisor is gone") from None


if __name__ == "__main__":
    run(main)
