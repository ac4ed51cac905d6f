"""The input process: drains the commands socket, journals what it admits with one flush, feeds the cores.

It alone assigns sequences and time. It never waits for a full ring: a command without room is answered
`busy` and nothing of it is kept, so replies always flow and no cycle can block.
"""

import os
import time
from collections.abc import Iterator

import psutil
import zmq

from engine.base.errors import NoSpace, RingfoldError
from engine.journal import Writer as Journal
from engine.journal import read, recover
from engine.node.process import Stage, run
from engine.node.status import State
from engine.stages.gate import Gate, Limits, busy_answer
from engine.stages.pruner import Pruner
from engine.store import Reader
from engine.store import Writer as Store
from engine.wire.batches import decode_replies
from engine.wire.sections import decode_payload, encode_payload, encode_section, last_sequence
from ringbuffer import Bell, Consumer

Group = tuple[bytes, int, bytes]
"""(client's routing id, number of commands, JSON array of them)."""

DRAIN_BYTES = 1 << 19  # fdatasync of half a megabyte still costs less than deciding it
SECTION_COMMANDS = 1_000  # bounds the batch that the core makes of a section, and starts the core earlier
RECORD_OVERHEAD = 24  # at most, of a section in the ring
DRAIN_MESSAGES = 2000
ROOM_CHECK_S = 1.0


class Input:
    """Journal, rings and what has been assigned so far."""

    def __init__(self, stage: Stage, bell: Bell) -> None:
        self.stage = stage
        partitions = range(stage.partitions)
        for p in partitions:
            Store(stage.store(p), stage.config["map_bytes"]).close()
        readers = [Reader(stage.store(p), stage.config["map_bytes"]) for p in partitions]
        stored = [reader.sequence() for reader in readers]
        for reader in readers:
            reader.close()
        folder = stage.data / "journal"
        stage.slot.state = State.REPLAYING
        self.recovered = recover(folder, witness=max(stored), stored=stored)
        self.pruner = Pruner(stage)
        self.journal = Journal(folder, recovered=self.recovered, segment_bytes=stage.config["segment_bytes"])
        self.sequence = self.recovered.last_sequence
        self.time_ns = self.recovered.last_time_ns
        self.inboxes = [stage.producer("inbox", wakes=f"core-{p}", partition=p) for p in partitions]
        self.replies = [stage.consumer("replies", bell, p) for p in partitions]
        self.last = stored  # last sequence of each partition
        marks = [inbox.mark - 1 if inbox.mark else self.sequence for inbox in self.inboxes]
        for frame in read(folder, min([*stored, *marks]), self.sequence):
            if stage.waits():  # where one partition had no commands for long, this may be all of the journal
                raise RingfoldError("the supervisor is gone")
            for p, section in decode_payload(frame.payload):
                self.last[p] = max(self.last[p], last_sequence(section))
                if last_sequence(section) > marks[p]:  # journaled, then killed before the ring had it
                    mark = last_sequence(section) + 1
                    self.inboxes[p].publish((section,), deadline_s=60.0, abort=stage.abort, mark=mark)
        for inbox in self.inboxes:
            inbox.mark = self.sequence + 1
        stage.log(str(self.recovered))

    def admit(self, groups: dict[int, list[Group]]) -> bool:
        """Journals the groups, then publishes them. False: no room; nothing was kept."""
        sections: list[tuple[int, bytes]] = []
        first, at_ns = self.sequence + 1, max(self.time_ns + 1, time.time_ns())
        sequence = first
        for p in sorted(groups):
            previous = self.last[p]
            for some in parted(groups[p]):
                section = encode_section(sequence, previous, at_ns + sequence - first, some)
                sections.append((p, section))
                previous = last_sequence(section)
                sequence = previous + 1
        by_ring = {p: [section for number, section in sections if number == p] for p in groups}
        for p, some_sections in by_ring.items():
            if sum(len(section) + RECORD_OVERHEAD for section in some_sections) > self.inboxes[p].room():
                return False
        try:
            self.journal.append(encode_payload(sections), first, sequence - first, at_ns)
        except NoSpace as error:
            self.stage.log(str(error))
            return False
        self.sequence, self.time_ns = sequence - 1, at_ns + sequence - 1 - first
        for p, some_sections in by_ring.items():
            self.last[p] = last_sequence(some_sections[-1])
            self.inboxes[p].try_publish(some_sections, mark=self.last[p] + 1)
        for p, inbox in enumerate(self.inboxes):
            if p not in groups:
                inbox.mark = sequence
        return True


def parted(groups: list[Group]) -> Iterator[list[Group]]:
    """Lists of groups, each of a bounded number of commands: one section each."""
    some: list[Group] = []
    count = 0
    for group in groups:
        if some and count + group[1] > SECTION_COMMANDS:
            yield some
            some, count = [], 0
        some.append(group)
        count += group[1]
    yield some


def main(stage: Stage) -> None:
    """The loop: drain, journal, publish; pass replies on; park."""
    bell = stage.bell(stage.name)
    work = Input(stage, bell)
    gate = Gate(
        Limits(
            stage.config["max_message_bytes"],
            stage.config["max_commands_per_message"],
            stage.config["max_in_flight_per_client"],
        ),
        stage.partitions,
    )
    socket = commands_socket(stage)
    poller = zmq.Poller()
    poller.register(bell.fileno(), zmq.POLLIN)
    poller.register(socket, zmq.POLLIN)
    full, check_room_at = "", 0.0
    drain_bytes = min(DRAIN_BYTES, stage.config["ring_bytes"] // 8)
    stage.running()
    while True:
        stage.beat()
        messages = [] if stage.stopping else drain(socket, drain_bytes)
        if messages:
            admitted = gate.admit(messages, full)
            for who, body in admitted.refused:
                send(stage, socket, who, body)
            if admitted.groups:
                if work.admit(admitted.groups):
                    for who, body in admitted.accepted:
                        send(stage, socket, who, body)
                else:
                    refuse(stage, socket, gate, admitted.groups)
        answered = pass_on(stage, socket, gate, work.replies)
        if messages or answered:
            stage.slot.sequence = work.sequence
            stage.worked()
        elif stage.stopping:
            stage.slot.state = State.STOPPING
            for inbox in work.inboxes:
                inbox.finish()
            if all(replies.finished for replies in work.replies):
                break
            bell.wait(0.01)
        else:
            parked = [replies.prepare_wait() for replies in work.replies]
            if all(parked):
                poller.poll(int(stage.patience() * 1000))
            for replies in work.replies:
                replies.cancel_wait()
        if time.monotonic() > check_room_at:
            full, check_room_at = shortage(stage), time.monotonic() + ROOM_CHECK_S
            work.pruner.look(work.sequence, work.last)
            if stage.abort():
                return
    work.journal.close()
    socket.close()


def commands_socket(stage: Stage) -> "zmq.Socket[bytes]":
    """The ROUTER that clients talk to."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # a reply to a client that left is an error, not silence
    socket.setsockopt(zmq.LINGER, 500)
    socket.setsockopt(zmq.MAXMSGSIZE, stage.config["max_message_bytes"] + 1024)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 2000)
    socket.setsockopt(zmq.RCVHWM, 1000)
    socket.setsockopt(zmq.SNDHWM, 10_000)
    socket.bind(stage.node["commands"])
    return socket


def drain(socket: "zmq.Socket[bytes]", most_bytes: int) -> list[tuple[bytes, bytes]]:
    """All (who, body) messages at hand, within bounds; messages of another shape are dropped."""
    messages: list[tuple[bytes, bytes]] = []
    size = 0
    receive, more = socket.recv, socket.getsockopt
    try:
        while size < most_bytes and len(messages) < DRAIN_MESSAGES:
            who = receive(zmq.NOBLOCK)
            body = receive(zmq.NOBLOCK)
            if more(zmq.RCVMORE):
                while more(zmq.RCVMORE):
                    receive(zmq.NOBLOCK)
                continue
            messages.append((who, body))
            size += len(body)
    except zmq.Again:
        pass
    return messages


def pass_on(stage: Stage, socket: "zmq.Socket[bytes]", gate: Gate, rings: list[Consumer]) -> bool:
    """Sends the replies at hand, those of one client in one frame."""
    bodies: dict[bytes, list[bytes]] = {}
    for ring in rings:
        for record in ring.take(1 << 20):
            for who, count, body in decode_replies(record):
                gate.answered(who, count)
                bodies.setdefault(who, []).append(body)
    for who, parts in bodies.items():
        send(stage, socket, who, b",".join(parts))
    if bodies:
        for ring in rings:
            ring.release()
    return bool(bodies)


def send(stage: Stage, socket: "zmq.Socket[bytes]", who: bytes, answers: bytes) -> None:
    """One frame to a client. One that left or does not read loses it, and may ask again with the same id."""
    try:
        socket.send(who, zmq.SNDMORE | zmq.NOBLOCK)
        socket.send(b"[" + answers + b"]", zmq.NOBLOCK)
    except zmq.ZMQError:
        stage.slot.count_a += 1


def refuse(
    stage: Stage, socket: "zmq.Socket[bytes]", gate: Gate, groups: dict[int, list[Group]]
) -> None:
    """Answers `busy` to everything in the groups."""
    for group in groups.values():
        for who, count, body in group:
            gate.answered(who, count)
            send(stage, socket, who, busy_answer(body, "the node is full"))


def shortage(stage: Stage) -> str:
    """Why nothing can be accepted now; empty if all is well."""
    disk = os.statvfs(stage.data)
    if disk.f_bavail * disk.f_frsize < stage.config["disk_reserve_bytes"]:
        return "the disk is nearly full"
    if psutil.virtual_memory().available < stage.config["memory_reserve_bytes"]:
        return "memory is nearly full"
    return ""


if __name__ == "__main__":
    run("input", main)
