"""The core process of a partition: takes sections off the ring, decides, hands batches on.

It owns all aggregates of its partition. Its state is always what the event store and the journal say:
after a crash it loads the stored events, replays the journaled commands behind them through the same
code, and goes on with the ring.
"""

import gc
import sys

from engine.core.partition import Partition
from engine.journal import read
from engine.operate.errors import ConfigError, RingfoldError
from engine.operate.status import State
from engine.processes.stage import Stage, run
from engine.store import Reader
from engine.wire.batches import encode_batch
from engine.wire.log import record_decoder
from engine.wire.sections import decode_payload, last_sequence
from ringbuffer import Aborted, Producer


def main(stage: Stage) -> None:
    """The loop: take, decide, hand on, release."""
    # Replay decodes from another depth of the stack than the gate did: what passed there must pass here.
    sys.setrecursionlimit(2 * sys.getrecursionlimit())
    gc.disable()  # aggregates and messages make no cycles; a full collection over millions would stall
    stage.wait_for("input", State.RUNNING, State.STOPPING, State.STALLED)
    bell = stage.bell(stage.name)
    inbox = stage.consumer("inbox", bell)
    outbox = stage.producer("outbox", wakes=f"output-{stage.partition}")
    partition = recover(stage, outbox, journaled=inbox.mark - 1)
    stage.running()
    while True:
        sections = inbox.take(1 << 20)
        for section in sections:
            if last_sequence(section) > partition.sequence:
                hand_on(stage, outbox, encode_batch(partition.process(section)))
        stage.beat()
        if sections:
            inbox.release()
            stage.slot.sequence, stage.slot.position = partition.sequence, partition.position
            stage.worked()
        elif inbox.finished:
            break
        elif not inbox.wait(stage.patience()) and stage.abort():
            return
    outbox.finish()


def recover(stage: Stage, outbox: Producer, journaled: int) -> Partition:
    """State from the event store, then the journal behind it, up to sequence `journaled`."""
    reader = Reader(stage.store(stage.partition), stage.config["map_bytes"])
    app = stage.app()
    partition = Partition(
        app,
        stage.partition,
        window=stage.config["duplicate_window"],
        in_store=reader.has_command,
        log=stage.log,
    )
    stage.slot.state = State.REPLAYING
    stored, position = reader.watermark()
    decode = record_decoder(app).decode
    for last, record in reader.records():
        partition.load(*decode(record))
        stage.beat()
        stage.slot.position = last
        if last >= position:
            break
    for id, answer in reader.remembered(upto=stored):
        partition.window.remember(id, answer)
    partition.sequence = stored
    for frame in read(stage.data / "journal", stored, journaled):
        for number, section in decode_payload(frame.payload):
            if number == stage.partition and last_sequence(section) > partition.sequence:
                hand_on(stage, outbox, encode_batch(partition.process(section)))
                stage.beat()
    return partition


def hand_on(stage: Stage, outbox: Producer, batch: bytes) -> None:
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
    run("core", main)
