"""One process manager: takes events in, and sends what follows from them, each command with one effect.

    take events, fire timers, hear answers → save all of it at once → only then send

A crash before the save forgets the turn, and it is done again, with the same ids. A crash after it finds
the commands in the outbox and sends them again; the node knows their ids.
"""

import time

import zmq

from engine.base.crash import crash_point
from engine.base.errors import NoSpace
from engine.client.sockets import dealer
from engine.follow import Fold
from engine.managers.birth import read_birth
from engine.managers.intake import Intake
from engine.managers.manager import Manager
from engine.managers.questions import ManagerQuestions
from engine.node.process import NodeProcess, run
from engine.node.status import State
from engine.processes.projector import DRAIN_RECORDS, LOOK_S, listen
from engine.stages.gate import Limits
from engine.stages.post import Post
from engine.stages.query_desk import Desk, desk_socket
from engine.wire.doorbell import decode_notice

RETRY_S = 0.2  # between two tries to save where there is no room


class Work:
    """What the loop does in a turn. Nothing leaves that is not saved."""

    def __init__(self, stage: NodeProcess) -> None:
        app, config = stage.app(), stage.config
        spec = app.process_managers[stage.role.subject]
        self.stage = stage
        self.manager = Manager(
            app,
            spec,
            read_birth(stage.data.manager(spec.name), stage.partitions),
            log=stage.log,
            message_bytes=config.max_message_bytes,
        )
        self.readers = stage.data.readers()
        self.fold = Fold(
            app,
            self.manager,
            stage.data.manager(spec.name),
            self.readers,
            stage.data.map_bytes,
            log=stage.log,
            beat=stage.beat,
        )
        self.intake = Intake(self.fold, self.manager)
        self.post = Post(dealer(stage.endpoints.commands), Limits.of(config))
        self.doorbell = listen(stage)
        endpoint = stage.endpoints.process_managers[spec.name]
        self.desk = Desk(desk_socket(endpoint), ManagerQuestions(self.fold, self.manager))
        self._all, self._but_events = zmq.Poller(), zmq.Poller()
        for socket in (self.post.socket, self.desk.socket):
            self._all.register(socket, zmq.POLLIN)
            self._but_events.register(socket, zmq.POLLIN)
        self._all.register(self.doorbell, zmq.POLLIN)
        self._checkpoint_s = config.checkpoint_ms / 1000
        self._save_at = time.monotonic()
        self._stuck_until = 0.0

    @property
    def crowded(self) -> bool:
        """True while nothing more can be taken in: too much waits for answers, or for room on the disk."""
        return self.manager.full or self._stuck_until > 0

    def hear(self) -> bool:
        """Answers to what was sent."""
        heard = False
        for id, refusal in self.post.answers():
            self.manager.answered(id, refusal, time.monotonic())
            heard = True
        if heard:
            crash_point("manager.answered")
        return heard

    def take(self) -> bool:
        """New events, and what failed before, as far as there is room for what they send."""
        if self.crowded:
            return False
        before = sum(self.fold.positions)
        if self.intake.behind:
            self.intake.read()
        else:
            self._drain()
        retried = self.fold.retry_due() | self.manager.retry_due(time.monotonic())
        taken = sum(self.fold.positions) > before
        if taken:
            crash_point("manager.taken")
        return taken or retried

    def fire(self) -> bool:
        """Timers that are due, by the clock on the wall."""
        fired = 0 if self.crowded else self.manager.fire(time.time_ns())
        if fired:
            crash_point("manager.fired")
        return fired > 0

    def save(self) -> None:
        """At once if something waits to leave, else now and then. Without room nothing is taken in either,
        until there is some."""
        now = time.monotonic()
        wanted = self.manager.outbox.wants_out
        if now < self._stuck_until or not (wanted or now > self._save_at):
            return
        try:
            self.fold.save(self.manager.changed or wanted)
        except NoSpace as error:
            if not self._stuck_until:
                self.stage.log(str(error))
            self._stuck_until = now + RETRY_S
            self.stage.slot.state = State.WAITING_FOR_ROOM
            return
        if self._stuck_until:
            self._stuck_until = 0.0
            self.stage.slot.state = State.RUNNING
        self._save_at = now + self._checkpoint_s
        self.manager.durable()
        if wanted:
            crash_point("manager.saved")

    def send(self) -> None:
        """What is saved leaves; what has waited too long for its answer leaves again."""
        commands = self.manager.leaving(self.post.room)
        self.post.send(commands)
        if commands:
            crash_point("manager.sent")

    def look(self) -> None:
        """Whether the store has more, though nobody said so."""
        self.intake.poll()

    def tell(self) -> None:
        """The line on the status page."""
        slot = self.stage.slot
        slot.position = sum(self.fold.positions)
        slot.outbox, slot.timers = len(self.manager.outbox), len(self.manager.timers)
        slot.dead_letters = len(self.fold.dead_letters) + len(self.manager.setbacks)

    def park(self) -> None:
        """Until something comes, or something is due."""
        now_ns, now = time.time_ns(), time.monotonic()
        due_s = max(0, self.manager.timers.next_due_ns - now_ns) / 1e9
        retry_s = min(self.fold.patience(), max(0.0, self.manager.setbacks.next_due - now))
        poller = self._all
        if self.crowded:
            due_s = retry_s = RETRY_S  # they wait for room, too
            poller = self._but_events
        patience = min(self.stage.patience(), self.post.patience(), self.desk.patience(), due_s, retry_s)
        poller.poll(int(patience * 1000))

    def close(self) -> None:
        """Saves what has been taken in. What has to leave stays in the outbox for the next start."""
        self._save_at = self._stuck_until = 0.0
        self.save()
        self.desk.close()
        self.post.close()
        self.doorbell.close(0)
        self.fold.close()
        for reader in self.readers:
            reader.close()

    def _drain(self) -> None:
        for _ in range(DRAIN_RECORDS):
            try:
                message = self.doorbell.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            self.intake.accept(*decode_notice(message))


def main(stage: NodeProcess) -> None:
    """The loop: events, timers and answers in; save; commands out; park."""
    stage.wait_for_stores()
    stage.slot.state = State.REPLAYING
    work = Work(stage)
    look_at = 0.0
    started = False
    while not stage.stopping:
        stage.beat()
        busy = work.hear() | work.take() | work.fire()
        work.save()
        work.send()
        work.tell()
        if not started and (work.crowded or not work.intake.behind):
            started = True
            stage.running()
        if work.desk.serve() or busy:
            stage.worked()
        else:
            work.park()
        now = time.monotonic()
        if now > look_at:
            work.look()
            look_at = now + LOOK_S
            if stage.abort():
                return
    work.look()
    while work.take():
        work.save()
        stage.beat()
    work.close()


if __name__ == "__main__":
    run(main)
