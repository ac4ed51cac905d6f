"""The input process, which drains the commands socket, journals what it admits with one flush, and feeds the
cores.

It never waits for a full ring. A command without room is answered `busy` and nothing of it is kept, so
replies always flow and no cycle of processes can block. The gate decides what is admitted, the sequencer
assigns sequences and time.
"""

import time
from collections.abc import Iterable, Sequence
from functools import partial

import psutil
import zmq

from engine.base.crash import crash_point
from engine.base.errors import ConfigError, NoSpace, RingfoldError
from engine.base.files import free_bytes
from engine.base.guard import SAYS_S, Guard
from engine.base.log import log_error
from engine.base.log_codes import Code
from engine.base.place import expanded
from engine.node.claim import expect_free
from engine.node.peers import Peers
from engine.node.process import NodeProcess, run
from engine.node.roles import INBOX, REPLIES, SNAPSHOTTER, Kind, Role
from engine.node.senders import Senders, path_of
from engine.node.status import Slot, State
from engine.stages.clock_watch import ClockWatch
from engine.stages.gate import Gate, Limits
from engine.stages.metering import InputMetering
from engine.stages.pruner import Pruner
from engine.stages.scrubbing import scrub_at_start
from engine.stages.sequencer import Sequencer, Stamped
from engine.store import Writer as Store
from engine.wire.answers import encode_answers
from engine.wire.busy import BusyReason
from engine.wire.sections import last_sequence
from ringbuffer import Bell, Consumer, Producer

DRAIN_BYTES = 1 << 19  # fdatasync of half a megabyte still costs less than deciding it
RECORD_OVERHEAD = 24  # at most, of a section in the ring
DRAIN_MESSAGES = 2000
LONGEST_ROUTING_ID = 255  # what ZeroMQ lets a socket set; only a client without it can send a longer one
ROOM_CHECK_S = 1.0


def main(process: NodeProcess) -> None:
    """The loop: drain, stamp, journal, publish; pass answers on; park."""
    config = process.config
    process.slot.state = State.REPLAYING
    look_for_damage(process)
    bell = process.bell(process.role)
    sequencer = Sequencer(process.data.journal, stored(process), segment_bytes=config.segment_bytes)
    inboxes = Inboxes(process, sequencer)
    outlets = [process.consumer(REPLIES, bell, p) for p in range(process.partitions)]
    outputs = [process.slot_of(Role(Kind.OUTPUT, p)) for p in range(process.partitions)]
    gate = Gate(Limits.of(config), process.partitions)
    clients = Clients(process, bell)
    senders = Senders(path_of(process.run, process.name), gate.tally, clients.peers.named, time.monotonic())
    pruner, metering = pruner_of(process), InputMetering(process.meters, time.perf_counter_ns)
    watch, now_ns = ClockWatch(process.slot, process.log), process.data.clock.now_ns
    shortage: BusyReason | None = None
    look_at = 0.0
    process.running()
    while True:
        process.beat()
        gate.look((slot.sequence for slot in outputs), time.monotonic())
        messages = [] if process.stopping else clients.drain()
        if messages:
            metering.drained()
            lacking = shortage or unstored(outputs)
            admitted = gate.admit(messages, max(time.time_ns(), now_ns(), sequencer.time_ns), lacking)
            clients.send(admitted.refused)
            if admitted.groups:
                crash_point("input.admitted")
                stamped = sequencer.stamp(admitted.groups, now_ns())
                if inboxes.have_room(stamped) and journaled(process, sequencer, stamped, metering):
                    inboxes.publish(stamped)
                    gate.given(admitted.groups, sequencer.last)
                    clients.send(admitted.accepted)
                    crash_point("input.accepted")
                else:
                    clients.send(gate.turn_away(admitted.groups, BusyReason.FULL))
            metering.refused(gate)
        answered = pass_on(gate, outlets, clients)
        if messages or answered:
            process.slot.sequence = sequencer.sequence
            process.worked()
        elif process.stopping:
            process.slot.state = State.STOPPING
            inboxes.finish()
            if all(outlet.finished for outlet in outlets):
                break
            bell.wait(0.01)
        else:
            park(process, outlets, clients)
        if time.monotonic() > look_at:
            shortage, look_at = shortage_of(process), time.monotonic() + ROOM_CHECK_S
            watch.look(sequencer.time_ns, now_ns())
            metering.connected(clients.connections)
            senders.look(time.monotonic())
            if pruner is not None:
                pruner.look(sequencer.sequence, sequencer.last)
            if process.abort():
                return
    sequencer.close()
    clients.close()


def look_for_damage(process: NodeProcess) -> None:
    """Looks at all event stores, once a start of the node: until then no process writes to them, and nothing
    is answered."""
    if not process.slot.looked:
        process.slot.scrub_left = scrub_at_start(process.data, process.beat)
        process.slot.looked = 1


def stored(process: NodeProcess) -> list[int]:
    """The last sequence in each partition's event store, which is made if it is not there."""
    data, sequences = process.data, []
    for partition in range(process.partitions):
        Store(data.store(partition), data.map_bytes, index_key=data.index_key).close()
        reader = data.reader(partition)
        sequences.append(reader.sequence())
        reader.close()
    return sequences


def pruner_of(process: NodeProcess) -> Pruner | None:
    """The pruner of the journal; None if all segments are kept."""
    config = process.config
    if config.journal_keep == "all" or not config.snapshot_events:
        return None
    archive = expanded(config.journal_archive) if config.journal_archive else None
    return Pruner(process.data, process.slot_of(SNAPSHOTTER), archive=archive, log=process.log)


def journaled(
    process: NodeProcess, sequencer: Sequencer, stamped: Stamped, metering: InputMetering
) -> bool:
    """Makes them durable. False if the disk has no room, and nothing was kept."""
    began_ns = time.perf_counter_ns()
    try:
        sequencer.journal(stamped)
    except NoSpace as error:
        log_error(process.log, Code.JOURNAL_NO_ROOM, error)
        return False
    crash_point("input.journaled")
    metering.journaled(stamped.last_sequence - stamped.first_sequence + 1, time.perf_counter_ns() - began_ns)
    return True


def pass_on(gate: Gate, outlets: list[Consumer], clients: "Clients") -> bool:
    """Sends the answers that have arrived, those of one client in one frame. True if there were any."""
    records = [record for outlet in outlets for record in outlet.take(1 << 20)]
    if not records:
        return False
    clients.send(gate.answers(records))
    crash_point("input.answered")
    for outlet in outlets:
        outlet.release()
    return True


def park(process: NodeProcess, outlets: list[Consumer], clients: "Clients") -> None:
    """Parks until a message or an answer comes."""
    parked = [outlet.prepare_wait() for outlet in outlets]
    if all(parked):
        clients.poll(process.patience())
    for outlet in outlets:
        outlet.cancel_wait()


def shortage_of(process: NodeProcess) -> BusyReason | None:
    """The reason why nothing can be accepted now, if there is one."""
    if free_bytes(process.data.path) < process.config.disk_reserve_bytes:
        return BusyReason.DISK
    if psutil.virtual_memory().available < process.config.memory_reserve_bytes:
        return BusyReason.MEMORY
    return None


def unstored(outputs: Sequence[Slot]) -> BusyReason | None:
    """The reason why what is accepted would not be answered, if there is one. Looked at with every batch,
    since an output notices as late as it can."""
    if any(slot.state == State.WAITING_FOR_ROOM for slot in outputs):
        return BusyReason.STORE
    return None


class Inboxes:
    """The rings to the cores. The mark of each is the sequence before which its core has everything."""

    def __init__(self, process: NodeProcess, sequencer: Sequencer) -> None:
        """Publishes first what an earlier life journaled and did not publish before it was killed."""

        def beat() -> None:
            if process.waits():
                raise RingfoldError("the supervisor is gone")

        self.rings: list[Producer] = [
            process.producer(INBOX, p) for p in range(process.partitions)
        ]
        marks = [ring.mark - 1 if ring.mark else sequencer.sequence for ring in self.rings]
        for partition, section in sequencer.replay(marks, beat):
            mark = last_sequence(section) + 1
            self.rings[partition].publish((section,), deadline_s=60.0, abort=process.abort, mark=mark)
        for ring in self.rings:
            ring.mark = sequencer.sequence + 1
        process.log(Code.JOURNAL_RECOVERED, str(sequencer.recovered))

    def have_room(self, stamped: Stamped) -> bool:
        """True if every section finds room."""
        return all(
            sum(map(len, some)) + RECORD_OVERHEAD * len(some) <= self.rings[p].room()
            for p, some in stamped.sections.items()
        )

    def publish(self, stamped: Stamped) -> None:
        """Publishes the sections, for which there is room."""
        mark = stamped.last_sequence + 1
        for partition, ring in enumerate(self.rings):
            some = stamped.sections.get(partition)
            if some is None:
                ring.mark = mark
            else:
                ring.try_publish(some, mark=mark)
                crash_point("input.published")

    def finish(self) -> None:
        """Declares that nothing more will come."""
        for ring in self.rings:
            ring.finish()


def bind(socket: "zmq.Socket[bytes]", endpoint: str) -> None:
    """Binds the socket of commands. ConfigError if the endpoint was taken since the supervisor looked."""
    expect_free(endpoint)
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        raise ConfigError("commands cannot be taken", endpoint=endpoint, error=error.strerror) from None


class Clients:
    """The ROUTER that clients talk to."""

    def __init__(self, process: NodeProcess, bell: Bell) -> None:
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # a reply to a client that left is an error
        # Else a client that connects again before the node knows that it had left is never read, and what it
        # sends is held for good.
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        socket.setsockopt(zmq.LINGER, 500)
        socket.setsockopt(zmq.MAXMSGSIZE, process.config.max_message_bytes + 1024)
        socket.setsockopt(zmq.HANDSHAKE_IVL, 2000)
        socket.setsockopt(zmq.RCVHWM, 100)
        socket.setsockopt(zmq.SNDHWM, 10_000)
        says = partial(process.log, Code.CLIENT_REFUSED)
        self._guard = Guard(socket, says, most=process.config.max_connections)
        bind(socket, process.endpoints.commands)
        self._socket, self._slot, self._log = socket, process.slot, process.log
        self.peers = Peers()
        self._too_long, self._said_at = 0, float("-inf")
        self._most_bytes = min(DRAIN_BYTES, process.config.ring_bytes // 8)
        self._poller = zmq.Poller()
        self._poller.register(process.wake, zmq.POLLIN)
        self._poller.register(bell.fileno(), zmq.POLLIN)
        self._poller.register(socket, zmq.POLLIN)

    @property
    def connections(self) -> int:
        """The number of clients that are connected."""
        return self._guard.connections

    def drain(self) -> list[tuple[bytes, bytes]]:
        """All (who, body) messages that have arrived, within bounds; messages of another shape are dropped,
        and those of a client whose routing id is too long."""
        messages: list[tuple[bytes, bytes]] = []
        size, most_bytes = 0, self._most_bytes
        receive, more = self._socket.recv, self._socket.getsockopt
        try:
            while size < most_bytes and len(messages) < DRAIN_MESSAGES:
                who = receive(zmq.NOBLOCK)
                body = receive(zmq.NOBLOCK) if messages else self._first(who)
                if more(zmq.RCVMORE):
                    while more(zmq.RCVMORE):
                        receive(zmq.NOBLOCK)
                    continue
                if len(who) <= LONGEST_ROUTING_ID:
                    messages.append((who, body))
                else:
                    self._drop()
                size += len(body)
        except zmq.Again:
            pass
        return messages

    def _first(self, who: bytes) -> bytes:
        """The first body of a drain, which now and then tells where its sender is."""
        if not self.peers.due(time.monotonic()):
            return self._socket.recv(zmq.NOBLOCK)
        frame = self._socket.recv(zmq.NOBLOCK, copy=False)
        self.peers.met(who, frame)
        return frame.bytes

    def _drop(self) -> None:
        """Counts a message that is dropped because the routing id is too long, and says so now and then."""
        self._too_long += 1
        if time.monotonic() - self._said_at > SAYS_S:
            self._said_at = time.monotonic()
            text = f"a routing id has more than {LONGEST_ROUTING_ID} bytes, so its messages are dropped"
            self._log(Code.CLIENT_REFUSED, text, messages=self._too_long)

    def send(self, answers: Iterable[tuple[bytes, bytes]]) -> None:
        """One frame to each (who, answers). A client that left or does not read loses it, and may ask again
        with the same id."""
        for who, body in answers:
            try:
                self._socket.send(who, zmq.SNDMORE | zmq.NOBLOCK)
                self._socket.send(encode_answers([body]), zmq.NOBLOCK)
            except zmq.ZMQError:
                self._slot.lost_replies += 1

    def poll(self, timeout_s: float) -> None:
        """Waits for a message, or for the bell."""
        self._poller.poll(int(timeout_s * 1000))

    def close(self) -> None:
        """Closes the socket; what was sent still leaves, within moments."""
        self._socket.close()


if __name__ == "__main__":
    run(main)
