"""The projector of one view, which applies events by position, saves view and position together, and answers
queries.

What a turn does is in `engine.stages.projecting`, which generation of the view is served in
`engine.stages.serving`. A slow view slows no other process.
"""

import time

import zmq

from engine.follow.code import view_mark
from engine.node.failure import query_in_hand
from engine.node.process import NodeProcess, run
from engine.node.status import State
from engine.processes.doorbell import Doorbell
from engine.stages.metering import FollowerMetering
from engine.stages.poisoned_queries import PoisonedQueries
from engine.stages.projecting import Projecting
from engine.stages.query_desk import Desk, desk_socket
from engine.stages.serving import Serving

LOOK_S = 1.0  # between two checks of the store without a doorbell, which bounds the cost of a lost one
GAP_LOOK_S = 0.01  # while a record is held because what comes before it is missing


def main(process: NodeProcess) -> None:
    """The loop: apply what the doorbell brought, answer, retry what failed, save now and then, park."""
    view, checkpoint_s = process.role.subject, process.config.checkpoint_ms / 1000
    app = process.app()
    process.wait_for_look()
    serving = Serving(
        app,
        view,
        process.data,
        process.slot,
        run=process.run,
        log=process.log,
        beat=process.beat,
        replaced=process.running,
        settled=process.has_settled,
        wait=process.wait_a_moment,
    )
    doorbell = Doorbell(process.endpoints.events)
    process.slot.state = State.REPLAYING
    serving.catch_up()
    poisoned = poisoned_queries(process, app.projections[view].cls)
    desk = Desk(
        desk_socket(process.endpoints.queries[view], process.log), poisoned.over(serving.questions)
    )
    poller = zmq.Poller()
    poller.register(process.wake, zmq.POLLIN)
    poller.register(doorbell.socket, zmq.POLLIN)
    poller.register(desk.socket, zmq.POLLIN)
    serving.ready()
    process.running()
    projecting = Projecting(serving.fold, now=time.monotonic, checkpoint_s=checkpoint_s, log=process.log)
    metering = FollowerMetering(process.meters, process.data.clock.now_ns)
    look_at = time.monotonic()
    while not process.stopping:
        process.beat()
        busy = projecting.turn(doorbell.notices()) | desk.serve()
        tell(process, projecting)
        metering.applied(projecting.fold.positions, projecting.fold.time_ns)
        if busy:
            process.worked()
        else:
            patience = GAP_LOOK_S if projecting.fold.has_gap else process.patience()
            patience = min(patience, desk.patience(), projecting.patience(), serving.patience)
            poller.poll(int(patience * 1000))
        now = time.monotonic()
        if now > look_at or desk.waits_long() or projecting.fold.has_gap:
            projecting.look()
            look_at = now + LOOK_S
            if process.abort():
                return
        if serving.look(now):
            projecting.fold, desk.answers = serving.fold, poisoned.over(serving.questions)
    projecting.finish()
    serving.close()
    desk.close()
    poisoned.close()
    doorbell.close()


def poisoned_queries(process: NodeProcess, cls: type) -> PoisonedQueries:
    """The queries at which this follower has died. `cls`: its class."""
    path, in_hand = process.data.poisoned_queries(process.name), query_in_hand(process.run, process.name)
    return PoisonedQueries(path, in_hand, view_mark(cls, queries=True), process.log)


def tell(process: NodeProcess, projecting: Projecting) -> None:
    """The line on the status page."""
    fold, slot = projecting.fold, process.slot
    slot.position, slot.dead_letters = sum(fold.positions), len(fold.dead_letters)
    slot.state = State.RUNNING if projecting.has_room and not fold.full else State.WAITING_FOR_ROOM


if __name__ == "__main__":
    run(main)
