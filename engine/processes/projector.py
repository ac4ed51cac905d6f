"""The projector of one view, which applies events by position, saves view and position together, and answers
queries.

What a turn does is in `engine.stages.projecting`, which generation of the view is served in
`engine.stages.serving`. A slow view slows no other process.
"""

import time

import zmq

from engine.node.process import NodeProcess, run
from engine.node.status import State
from engine.processes.doorbell import Doorbell
from engine.stages.projecting import Projecting
from engine.stages.query_desk import Desk, desk_socket
from engine.stages.serving import Serving

LOOK_S = 1.0  # between two checks of the store without a doorbell, which bounds the cost of a lost one
GAP_LOOK_S = 0.01  # while a record is held because what comes before it is missing


def main(stage: NodeProcess) -> None:
    """The loop: apply what the doorbell brought, answer, retry what failed, save now and then, park."""
    stage.wait_for_stores()
    view, checkpoint_s = stage.role.subject, stage.config.checkpoint_ms / 1000
    serving = Serving(
        stage.app(),
        view,
        stage.data,
        stage.slot,
        run=stage.run,
        log=stage.log,
        beat=stage.beat,
        settled=stage.running,
    )
    doorbell = Doorbell(stage.endpoints.events)
    stage.slot.state = State.REPLAYING
    serving.catch_up()
    desk = Desk(desk_socket(stage.endpoints.queries[view]), serving.questions)
    poller = zmq.Poller()
    poller.register(doorbell.socket, zmq.POLLIN)
    poller.register(desk.socket, zmq.POLLIN)
    serving.ready()
    stage.running()
    projecting = Projecting(serving.fold, now=time.monotonic, checkpoint_s=checkpoint_s, log=stage.log)
    look_at = time.monotonic()
    while not stage.stopping:
        stage.beat()
        busy = projecting.turn(doorbell.notices()) | desk.serve()
        tell(stage, projecting)
        if busy:
            stage.worked()
        else:
            patience = GAP_LOOK_S if projecting.fold.has_gap else stage.patience()
            patience = min(patience, desk.patience(), projecting.patience(), serving.patience)
            poller.poll(int(patience * 1000))
        now = time.monotonic()
        if now > look_at or desk.waits_long() or projecting.fold.has_gap:
            projecting.look()
            look_at = now + LOOK_S
            if stage.abort():
                return
        if serving.look(now):
            projecting.fold, desk.answers = serving.fold, serving.questions
    projecting.finish()
    serving.close()
    desk.close()
    doorbell.close()


def tell(stage: NodeProcess, projecting: Projecting) -> None:
    """The line on the status page."""
    fold, slot = projecting.fold, stage.slot
    slot.position, slot.dead_letters = sum(fold.positions), len(fold.dead_letters)
    slot.state = State.RUNNING if projecting.has_room and not fold.full else State.WAITING_FOR_ROOM


if __name__ == "__main__":
    run(main)
