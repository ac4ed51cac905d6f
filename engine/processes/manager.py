"""The process of one process manager. What a turn does is in `engine.stages.managing`: nothing leaves that is
not saved."""

import time

import zmq

from engine.base.called import called
from engine.base.errors import ConfigError
from engine.base.spans import spans_of
from engine.client.sockets import dealer
from engine.follow import Fold
from engine.managers.birth import read_birth
from engine.managers.manager import Manager
from engine.managers.questions import ManagerQuestions
from engine.model.app import Engine
from engine.node.process import NodeProcess, run
from engine.node.roles import Kind, Role
from engine.node.status import State
from engine.processes.doorbell import Doorbell
from engine.processes.projector import LOOK_S, poisoned_queries
from engine.stages.gate import Limits
from engine.stages.managing import Managing
from engine.stages.metering import FollowerMetering
from engine.stages.post import Post
from engine.stages.query_desk import Desk, desk_socket
from engine.store import Reader


def main(process: NodeProcess) -> None:
    """The loop: one turn, queries, park; now and then a check of the store."""
    app = process.app()
    process.wait_for_look()
    process.slot.state = State.REPLAYING
    readers = process.data.readers()
    if process.config.cluster:  # what is behind in one partition only would come too late
        outputs = [process.slot_of(Role(Kind.OUTPUT, p)) for p in range(process.partitions)]
        process.wait_until(lambda: all(slot.caught_up for slot in outputs))
    managing = managing_of(process, app, readers)
    doorbell = Doorbell(process.endpoints.events)
    endpoint = process.endpoints.process_managers[process.role.subject]
    poisoned = poisoned_queries(process, managing.manager.spec.cls)
    clock = process.data.clock
    questions = ManagerQuestions(managing.fold, managing.manager, wall=clock.now_ns)
    desk = Desk(desk_socket(endpoint, process.log), poisoned.over(questions))
    metering = FollowerMetering(process.meters, clock.now_ns)
    look_at, started = 0.0, False
    while not process.stopping:
        process.beat()
        busy = managing.turn(doorbell.notices())
        if not started and managing.caught_up:
            started = True
            process.running()
        tell(process, managing)
        metering.applied(managing.fold.positions, managing.fold.time_ns)
        if desk.serve() or busy:
            process.worked()
        else:
            park(process, managing, desk, doorbell)
        now = time.monotonic()
        if now > look_at:
            managing.look()
            look_at = now + LOOK_S
            if process.abort():
                return
    managing.finish(process.beat)
    desk.close()
    poisoned.close()
    managing.post.close()
    managing.manager.close()
    doorbell.close()
    managing.fold.close()
    for reader in readers:
        reader.close()


def managing_of(process: NodeProcess, app: Engine, readers: list[Reader]) -> Managing:
    """The process manager, as its folder has it, with a connection of its own to the node."""
    limits = Limits.of(process.config)
    spec = app.process_managers[process.role.subject]
    folder = process.data.manager(spec.name)
    manager = Manager(
        app,
        spec,
        read_birth(folder, process.partitions),
        log=process.log,
        message_bytes=limits.message_bytes,
        most_ended=2 * process.config.duplicate_window,
        spans=spans_of(process.config.traces, f"ringfold {process.name}"),
        alone=not process.config.cluster,
    )
    map_bytes, log = process.data.map_bytes, process.log
    fold = Fold(app, manager, folder, readers, map_bytes, log=log, beat=process.beat)
    if not fold.stands(process.has_settled, process.wait_a_moment):
        raise ConfigError(
            "the log is not the one that this process manager knew",
            name=spec.name,
            positions=fold.positions,
            hint=f"`{called()} follower accept {spec.name}` goes on from the present log",
        )
    return Managing(
        fold,
        manager,
        Post(dealer(process.endpoints.commands), limits),
        now=time.monotonic,
        wall_ns=process.data.clock.now_ns,
        checkpoint_s=process.config.checkpoint_ms / 1000,
        log=process.log,
        acts=process.acts if process.config.cluster else None,
    )


def tell(process: NodeProcess, managing: Managing) -> None:
    """The line on the status page."""
    slot, manager = process.slot, managing.manager
    slot.position = sum(managing.fold.positions)
    slot.outbox, slot.timers = len(manager.outbox), len(manager.timers)
    slot.dead_letters = len(managing.fold.dead_letters) + len(manager.setbacks)
    if not managing.has_room or managing.fold.full:
        slot.state = State.WAITING_FOR_ROOM
    elif slot.state == State.WAITING_FOR_ROOM:
        slot.state = State.RUNNING


def park(process: NodeProcess, managing: Managing, desk: Desk, doorbell: Doorbell) -> None:
    """Parks until something comes or is due. While there is no room for events, they may wait."""
    poller = zmq.Poller()
    poller.register(process.wake, zmq.POLLIN)
    poller.register(managing.post.socket, zmq.POLLIN)
    poller.register(desk.socket, zmq.POLLIN)
    if not managing.crowded:
        poller.register(doorbell.socket, zmq.POLLIN)
    patience = min(process.patience(), managing.patience(), desk.patience())
    poller.poll(int(patience * 1000))


if __name__ == "__main__":
    run(main)
