"""The output process of a partition on a node of a cluster: decisions into the log, then into the store, then
answers, then the doorbell; and what other nodes decide into the store as well.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from engine.base.errors import CorruptData, RingfoldError
from engine.cluster.jetstream import JetStreamDecisions, subject_of
from engine.cluster.ledger import Decided, Ledger
from engine.cluster.link import Link, link_to
from engine.cluster.logs import Message, NoAnswer
from engine.node.process import NodeProcess, run
from engine.node.roles import OUTBOX, REPLIES, Kind, Role
from engine.node.status import Slot, State
from engine.processes.output import BEAT_S, READER_CHECK_S, doorbell_of
from engine.processes.output import store as store_with_room
from engine.stages.metering import OutputMetering
from engine.stages.storing import Storing, notices_of
from engine.store import Reader, Writer
from engine.store.kept import KeptDecisions
from engine.store.place import Place, decode_place
from engine.wire.batches import Batch, decode_batch, decode_replies, encode_reply
from engine.wire.doorbell import encode_beat, encode_notice
from engine.wire.replicated import decode_origin
from ringbuffer import Aborted, Bell, Producer


def main(process: NodeProcess) -> None:
    """Works; what is wrong with a log is named with partition and server."""
    try:
        work(process)
    except CorruptData as error:
        link = link_to(process.config, f"{process.node_name} {process.name}")
        log = JetStreamDecisions(link, process.config.cluster_name, process.partition)
        error.facts = {"partition": process.partition, "server": log.leader(), **error.facts}
        link.close()
        raise


def work(process: NodeProcess) -> None:
    """The loop: follow, take, append, store, answer, ring the doorbell, release."""
    data, config, number = process.data, process.config, process.partition
    process.wait_for_look()
    writer = Writer(data.store(number), data.map_bytes, 2 * config.duplicate_window, data.index_key)
    storing = Storing(writer, number, data.refused(number), process.slot.epoch, process.beat)
    bell = process.bell(process.role)
    outbox, replies = process.consumer(OUTBOX, bell), process.producer(REPLIES)
    link = link_to(config, f"{process.node_name} {process.name}")
    log = JetStreamDecisions(link, config.cluster_name, number)
    place = decode_place(Reader.beside(writer).place())
    kept = KeptDecisions(writer.path, place)
    ledger = ledger_of(process, writer, log, bell, place, kept)
    doorbell = doorbell_of(process)
    core = process.bell(Role(Kind.CORE, number))
    answers = Answers(process, link, replies)
    metering = OutputMetering(process.meters, data.clock.now_ns)
    process.slot.state = State.REPLAYING
    catch_up(process, ledger, log)
    tell(process.slot, storing, ledger)
    if not process.slot.caught_up:  # later on only the core's own decisions count, of which some may be lost
        process.slot.settled = storing.sequence
        process.slot.caught_up = 1
    process.running()
    check_readers_at = beat_at = 0.0
    while True:
        process.beat()
        batches = [decode_batch(record) for record in outbox.take(1 << 20)]
        if batches or ledger.behind:
            try:
                decided = settle(process.slot, ledger, storing, batches, answers.send)
            except Aborted:
                return
            for notice in notices_of([*decided.followed, *decided.stored], number):
                doorbell.send(encode_notice(*notice))
            if decided.stored:
                metering.stored(decided.stored, storing.flush_ns)
            if decided.superseded or decided.followed:
                core.ring()
            outbox.release()
            process.worked()
        elif outbox.finished:
            break
        else:
            outbox.park(process.patience())  # the log rings the bell too
            if process.abort():
                return
        if time.monotonic() > check_readers_at:
            writer.check_readers()
            check_readers_at = time.monotonic() + READER_CHECK_S
        if time.monotonic() > beat_at:
            doorbell.send(encode_beat(number, writer.position))
            beat_at = time.monotonic() + BEAT_S
    log.pause()
    link.close()
    writer.close()
    kept.close()
    replies.finish()
    doorbell.close()


def ledger_of(
    process: NodeProcess,
    writer: Writer,
    log: JetStreamDecisions,
    bell: Bell,
    place: Place,
    kept: KeptDecisions,
) -> Ledger:
    """The ledger of this partition, which follows its log from where the store is."""
    ledger = Ledger(
        log,
        place,
        partial(store, process, writer),
        code=bytes.fromhex(process.node.code),
        wait=partial(wait, process),
        keep=kept.add,
    )

    def arrived(message: Message) -> None:
        ledger.arrived(message)
        bell.ring()

    log.follow(ledger.place.decision, arrived, ledger.arrivals.room)
    return ledger


def catch_up(process: NodeProcess, ledger: Ledger, log: JetStreamDecisions) -> None:
    """Follows until the store has what the log had at the start."""
    ledger.expect_reached()
    last: int | None = None
    while last is None or ledger.place.decision < last:
        wait(process, 0.01)
        ledger.follow()
        if last is None:
            try:
                last = log.last().result(5.0)
            except (NoAnswer, TimeoutError):
                continue


def settle(
    slot: Slot,
    ledger: Ledger,
    storing: Storing,
    batches: Iterable[Batch],
    send: Callable[[Sequence[bytes]], object],
) -> Decided:
    """Has batches of the core, and what came from other nodes, put into the log and the store; answers what
    was decided here, and says on the status page what became of it, in this order."""
    decided = ledger.decide([batch for batch in batches if batch.epoch == storing.epoch])
    for some in storing.answered(decided.stored).answers:
        send(some)
    if decided.stored:
        slot.settled = decided.stored[-1].last_sequence
    if decided.superseded:  # last, since what is settled by then is not undone
        storing.epoch += 1
        slot.epoch = storing.epoch
        slot.conflicts += 1
    tell(slot, storing, ledger)
    return decided


def tell(slot: Slot, storing: Storing, ledger: Ledger) -> None:
    """The line on the status page."""
    slot.decision, slot.digest = ledger.place.decision, ledger.place.mark
    slot.sequence, slot.position = storing.sequence, storing.position


def store(process: NodeProcess, writer: Writer, batches: Sequence[Batch], place: Place) -> None:
    """Stores what is in the log, however long it takes the operator to make room."""
    store_with_room(process, partial(writer.commit, list(batches), place.encode()))


def wait(process: NodeProcess, seconds: float) -> None:
    """Waits a little for the log, which is no failure of this process."""
    if process.waits():
        raise RingfoldError("the supervisor is gone")
    time.sleep(seconds)


class Answers:
    """The way of answers to the gates that took the commands: the one of this node, and all others."""

    def __init__(self, process: NodeProcess, link: Link, replies: Producer) -> None:
        self._process, self._link, self._replies = process, link, replies
        self._name, self._own = process.config.cluster_name, process.node_name

    def send(self, records: Sequence[bytes]) -> None:
        """Sends replies to where they belong; one to another node may get lost, and its client asks again."""
        by_gate: dict[str, list[bytes]] = {}
        for record in records:
            for who, count, body in decode_replies(record):
                origin = decode_origin(who)
                by_gate.setdefault(origin.gate, []).append(encode_reply(origin.client, count, body))
        for gate, replies in by_gate.items():
            if gate == self._own:
                self._replies.publish(replies, deadline_s=float("inf"), abort=self._process.waits)
            else:
                self._link.tell(subject_of(self._name, "answers", gate), b"".join(replies))


if __name__ == "__main__":
    run(main)
