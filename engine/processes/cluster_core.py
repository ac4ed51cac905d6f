"""The core process of a partition on a node of a cluster.

While another node owns the partition it follows: it applies what is stored, and is ready to go on. While
this one does, it decides what the intake hands it. If another node had decided first it goes back to what is
stored, and asks for its sections again; what another one has decided of them meanwhile, it passes over.
"""

import gc
import sys
from collections.abc import Iterable

from engine.cluster.witness import BESIDE, LEAST_PAYLOAD
from engine.core.archive import Superseded
from engine.core.partition import Partition
from engine.node.process import NodeProcess, run
from engine.node.roles import INBOX, OUTBOX, Kind, Role
from engine.node.status import Slot, State
from engine.processes.core import hand_on, past_of
from engine.stages.metering import CoreMetering
from engine.stages.poison import Poison
from engine.stages.recovering import Past, Run
from engine.wire.batches import encode_batch
from engine.wire.sections import first_sequence, last_sequence

MOST_BYTES = LEAST_PAYLOAD - BESIDE  # of a batch, which is one message of the log or a part of one
FOLLOW_S = 0.02  # between two looks at the store while there is nothing to decide


def main(process: NodeProcess) -> None:
    """The loop: go back, follow, take, decide, hand on, release."""
    sys.setrecursionlimit(2 * sys.getrecursionlimit())  # as the core of a node that is alone
    gc.disable()
    output: Slot = process.slot_of(Role(Kind.OUTPUT, process.partition))
    process.wait_until(lambda: bool(output.caught_up))
    bell = process.bell(process.role)
    inbox, outbox = process.consumer(INBOX, bell), process.producer(OUTBOX)
    process.wait_until(lambda: outbox.backlog == 0)
    poison = Poison(process.data.poisoned(process.partition), process.slot)
    process.slot.state = State.REPLAYING
    past = past_of(process, min(outbox.longest_record, MOST_BYTES))
    partition = past.partition()
    partition.outruns = True
    metering = CoreMetering(process.meters)

    def decide(section: bytes) -> None:
        for batch in poison.run(partition, section):
            hand_on(process, outbox, encode_batch(batch))
            del batch

    process.running()
    process.slot.wants += 1
    while True:
        process.beat()
        followed = catch_up(process.slot, past, partition)
        sections = inbox.take(1 << 20)
        take(process.slot, past, partition, sections, decide)
        if sections:
            inbox.release()
            process.slot.sequence, process.slot.position = partition.sequence, partition.position
            metering.decided(partition.outcomes)
            process.worked()
        elif inbox.finished:
            if output.settled >= partition.sequence or output.sequence >= partition.sequence:
                break
            bell.wait(0.005)
        elif followed:
            process.slot.sequence, process.slot.position = partition.sequence, partition.position
        elif not inbox.wait(min(FOLLOW_S, process.patience())) and process.abort():
            return
    outbox.finish()


def catch_up(slot: Slot, past: Past, partition: Partition) -> bool:
    """Goes back if another node had decided first, and applies what others have decided. True if there was
    something to apply."""
    if partition.epoch != past.output.epoch:
        past.undo(partition)
        slot.wants += 1
    return past.follow(partition)


def take(slot: Slot, past: Past, partition: Partition, sections: Iterable[bytes], decide: Run) -> None:
    """Decides what follows; of the rest, what was decided before is passed over, and what comes too early is
    asked for again, with what comes before it."""
    for section in sections:
        if last_sequence(section) <= partition.sequence:
            continue
        if partition.epoch != past.output.epoch:
            return  # asked for again once it has gone back
        if first_sequence(section) > partition.sequence + 1:
            slot.wants += 1  # the intake knows of decisions that are not followed here yet
            return
        try:
            decide(section)
        except Superseded:
            return


if __name__ == "__main__":
    run(main)
