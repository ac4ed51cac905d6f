"""The projector of one view: takes events in by position, saves view and position together, answers queries.

The doorbell only says that there is something new; it may drop. A record that does not follow on the
last position is a gap, and everything missing is read from the event store. So a view converges to the
fold of the log whatever was lost, and a slow view slows nobody.
"""

import time

import zmq

from engine.base.errors import NoSpace
from engine.follow import Fold
from engine.node.process import NodeProcess, run
from engine.node.status import State
from engine.stages.query_desk import Desk, desk_socket
from engine.stages.serving import Serving
from engine.wire.doorbell import decode_notice

DRAIN_RECORDS = 64  # then queries have their turn
LOOK_S = 1.0  # how often the store is looked at without a doorbell: bounds what a lost one costs
GAP_LOOK_S = 0.01  # while a record is held because what stands before it is not there yet


def main(stage: NodeProcess) -> None:
    """The loop: take what the doorbell brought, answer, try again what failed, save now and then, park."""
    stage.wait_for_stores()
    serving = Serving(
        stage.app(),
        stage.role.subject,
        stage.data,
        stage.slot,
        run=stage.run,
        log=stage.log,
        beat=stage.beat,
        settled=stage.running,
    )
    doorbell = listen(stage)
    stage.slot.state = State.REPLAYING
    serving.catch_up()
    desk = Desk(desk_socket(stage.endpoints.queries[stage.role.subject]), serving.questions)
    poller = zmq.Poller()
    poller.register(doorbell, zmq.POLLIN)
    poller.register(desk.socket, zmq.POLLIN)
    serving.ready()
    stage.running()
    checkpoint_s = stage.config.checkpoint_ms / 1000
    save_at = look_at = time.monotonic()
    while not stage.stopping:
        stage.beat()
        fold = serving.fold
        busy = drain(doorbell, fold) | fold.retry_due() | desk.serve()
        if busy:
            stage.slot.position, stage.slot.dead_letters = sum(fold.positions), len(fold.dead_letters)
            stage.worked()
        else:
            patience = GAP_LOOK_S if fold.has_gap else stage.patience()
            patience = min(patience, desk.patience(), fold.patience(), serving.patience)
            poller.poll(int(patience * 1000))
        now = time.monotonic()
        if now > save_at:
            save(stage, fold)
            save_at = now + checkpoint_s
        if now > look_at or desk.waits_long() or fold.has_gap:
            fold.poll()
            look_at = now + LOOK_S
            if stage.abort():
                return
        if serving.look(now):
            desk.answers = serving.questions
    serving.fold.poll()
    serving.fold.save()
    serving.close()
    desk.close()
    doorbell.close(0)


def listen(stage: NodeProcess) -> "zmq.Socket[bytes]":
    """The SUB end of every partition's doorbell."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, 1000)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    for endpoint in stage.endpoints.events:
        socket.connect(endpoint)
    return socket


def drain(doorbell: "zmq.Socket[bytes]", fold: Fold) -> bool:
    """Takes in the records at hand, within bounds. True if there were any: a beat alone is no work."""
    any_work = False
    for _ in range(DRAIN_RECORDS):
        try:
            message = doorbell.recv(zmq.NOBLOCK)
        except zmq.Again:
            return any_work
        notice = decode_notice(message)
        fold.accept(*notice)
        any_work = any_work or bool(notice.record)
    return True


def save(stage: NodeProcess, fold: Fold) -> None:
    """Saves, or says once that there is no room: the view goes on in memory until there is."""
    try:
        fold.save()
    except NoSpace as error:
        if stage.slot.state != State.WAITING_FOR_ROOM:
            stage.log(str(error))
        stage.slot.state = State.WAITING_FOR_ROOM
    else:
        stage.slot.state = State.WAITING_FOR_ROOM if fold.full else State.RUNNING


if __name__ == "__main__":
    run(main)
