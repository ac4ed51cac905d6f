"""The input process of a node of a cluster: the gate for its clients, the way of their commands into the
logs, and for partitions that this node owns the way out of them, to the core.

Any node takes any command. It is accepted once a majority of servers has it on disk; who decides it is no
matter of the gate, which hears the answers from there.
"""

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace

from engine.base.crash import crash_point
from engine.base.errors import CorruptData
from engine.cluster.arrivals import Arrivals
from engine.cluster.intake import Intake
from engine.cluster.jetstream import JetStreamCommands, subject_of
from engine.cluster.link import link_to
from engine.cluster.logs import Message
from engine.cluster.queueing import Queueing
from engine.cluster.resending import Resending
from engine.cluster.unanswered import Unanswered
from engine.node.process import NodeProcess, run
from engine.node.roles import INBOX, MEMBER, REPLIES, Kind, Role
from engine.node.senders import Senders, path_of
from engine.node.status import State
from engine.processes.input import (
    ROOM_CHECK_S,
    Clients,
    look_for_damage,
    park,
    shortage_of,
    stored,
    unstored,
)
from engine.stages.gate import Gate, Limits
from engine.stages.metering import InputMetering
from engine.store.place import decode_place
from engine.wire.busy import BusyReason
from ringbuffer import Bell, Producer

TRIM_S = 1.0
LACKING_S = 60.0  # for a store to follow what another owner has decided


def main(process: NodeProcess) -> None:
    """The loop: drain, queue; take, hand on; pass answers on; park."""
    config, partitions = process.config, range(process.partitions)
    process.slot.state = State.REPLAYING
    look_for_damage(process)
    stored(process)
    bell, node = process.bell(process.role), process.node_name
    link = link_to(config, f"{node} input")
    logs = [JetStreamCommands(link, config.cluster_name, p) for p in partitions]
    answers: deque[bytes] = deque()

    def heard(body: bytes) -> None:
        answers.append(body)
        bell.ring()

    link.listen(subject_of(config.cluster_name, "answers", node), heard)
    gate = Gate(replace(Limits.of(config), longest_wait_s=0.0), process.partitions)
    clients, metering = Clients(process, bell), InputMetering(process.meters, time.perf_counter_ns)
    senders = Senders(path_of(process.run, process.name), gate.tally, clients.peers.named, time.monotonic())
    queueing, unanswered = Queueing(node, logs, time.monotonic), Unanswered()
    intakes = [PartitionIntake(process, p, logs[p], bell) for p in partitions]
    outlets = [process.consumer(REPLIES, bell, p) for p in partitions]
    outputs = [process.slot_of(Role(Kind.OUTPUT, p)) for p in partitions]
    member, now_ns = process.slot_of(MEMBER), process.data.clock.now_ns
    shortage, look_at = shortage_of(process), 0.0
    process.running()
    while True:
        process.beat()
        messages = [] if process.stopping else clients.drain()
        if messages:
            metering.drained()
            lacking = shortage or unstored(outputs)
            admitted = gate.admit(messages, max(time.time_ns(), now_ns()), lacking)
            clients.send(admitted.refused)
            queueing.admit(admitted.groups, admitted.accepted)
        turned = queueing.look(lambda _: bell.ring())
        clients.send(turned.accepted)
        if turned.full:
            clients.send(gate.turn_away(turned.full, BusyReason.FULL))
        metering.refused(gate)
        owned = 0 if process.stopping else member.owned
        moved = [intake.turn(bool(owned >> p & 1)) for p, intake in enumerate(intakes)]
        records = [record for outlet in outlets for record in outlet.take(1 << 20)]
        records += [answers.popleft() for _ in range(len(answers))]
        if records:
            clients.send(gate.answers(records))
            for outlet in outlets:
                outlet.release()
        if messages or records or any(moved):
            process.slot.sequence = sum(slot.sequence for slot in outputs)
            process.worked()
        elif process.stopping and queueing.idle:
            process.slot.state = State.STOPPING
            for intake in intakes:
                intake.ring.finish()
            if all(outlet.finished for outlet in outlets):
                break
            bell.wait(0.01)
        else:
            park(process, outlets, clients)
        if time.monotonic() > look_at:
            shortage, look_at = shortage_of(process), time.monotonic() + ROOM_CHECK_S
            process.slot.silent = sum(map(queueing.stuck, partitions))
            unanswered.look(gate.in_flight, time.monotonic())
            metering.connected(clients.connections)
            senders.look(time.monotonic())
            if process.abort():
                return
    link.close()
    clients.close()


class PartitionIntake:
    """The way from the log of a partition to its core, while this node owns it."""

    def __init__(self, process: NodeProcess, partition: int, log: JetStreamCommands, bell: Bell) -> None:
        self._partition, self._log, self._bell = partition, log, bell
        self.ring: Producer = process.producer(INBOX, partition)
        self._core = process.slot_of(Role(Kind.CORE, partition))
        self._output = process.slot_of(Role(Kind.OUTPUT, partition))
        self._reader = process.data.reader(partition)
        self._arrived = Arrivals()
        self._intake: Intake | None = None
        self._sent = Resending()
        self._trim_at, self._trimmed = 0.0, 0
        self._lacking = 0  # up to this message another owner had decided, and removed, what is next here
        self._lacking_since = 0.0

    def turn(self, owned: bool) -> bool:
        """Takes what has arrived and hands it on. True if there was anything."""
        if owned and self._intake is None and self._output.caught_up:
            self._begin()
        elif not owned and self._intake is not None:
            self._end()
        if self._intake is None:
            return False
        moved = False
        while self._arrived and not self._intake.full:
            message = self._arrived.take()
            if message.sequence > self._intake.message + 1:
                self._lacking, self._lacking_since = message.sequence - 1, time.monotonic()
                self._end()
                return True
            self._intake.take(*message)
            moved = True
        self._sent.settled(self._output.sequence)
        self._sent.look(self._core.wants)
        for section in self._sections(self._intake):
            if not self.ring.try_publish((section,)):
                break
            self._sent.sent(section)
            moved = True
            crash_point("intake.handed-on")
        self._trim()
        return moved

    def _sections(self, intake: Intake) -> Iterator[bytes]:
        """What is to be handed on next: first what the core has asked for again."""
        while (again := self._sent.next()) is not None:
            yield again
        while self._sent.room and (section := intake.section()) is not None:
            yield section
            intake.handed_on(section)

    def _end(self) -> None:
        self._log.pause()
        self._intake, self._sent = None, Resending()

    def _begin(self) -> None:
        """This node owns the partition now: it goes on where the store is. If another owner was further, and
        has removed what it had decided, the store has to follow first."""
        place = decode_place(self._reader.place())
        if place.message < self._lacking:
            if time.monotonic() > self._lacking_since + LACKING_S:
                text = "messages of commands are missing"
                raise CorruptData(text, partition=self._partition, after=place.message, upto=self._lacking)
            return
        self._intake, self._sent = Intake(place), Resending()
        arrived = self._arrived = Arrivals()

        def take(message: Message) -> None:
            arrived.arrived(message)
            self._bell.ring()

        self._log.follow(place.message, take, arrived.room)

    def _trim(self) -> None:
        """What is decided and stored here need not wait any longer."""
        now = time.monotonic()
        if now > self._trim_at:
            self._trim_at = now + TRIM_S
            message = decode_place(self._reader.place()).message
            if message > self._trimmed:
                self._trimmed = message
                self._log.trim(message).add_done_callback(self._trim_ended)

    def _trim_ended(self, promise: "Future[None]") -> None:
        """In the thread of the link: what was not answered is tried again."""
        if promise.cancelled() or promise.exception() is not None:
            self._trimmed = 0


if __name__ == "__main__":
    run(main)
