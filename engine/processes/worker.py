"""The process of one worker: events to its handlers, effects outside, answers.

    log ──take──▶ lanes, which run the handlers ──done──▶ acknowledged, now and then

What a handler does is in `engine.stages.working`, what is taken and acknowledged in `engine.stages.taking`.
The main thread waits for no lane, so a provider that is slow holds up its own aggregates and nothing else.
"""

import time
from collections.abc import Callable

import zmq

from engine.follow.questions import lag_of
from engine.model.app import Engine
from engine.node.process import NodeProcess, run
from engine.processes.doorbell import Doorbell
from engine.processes.lanes import Lanes
from engine.processes.projector import poisoned_queries
from engine.reading.beginnings import settle_beginning
from engine.reading.stores import lend
from engine.reading.subscriber import Subscriber
from engine.stages.query_desk import Desk, desk_socket
from engine.stages.taking import Taking
from engine.stages.working import WorkerQuestions

LOOK_S = 0.25  # between two looks at the log without a doorbell
PAUSE_S = 0.01  # between two looks with one: what most events cost a worker that does not want them
LANE_WAIT_S = 0.01  # while lanes are at work
NOTE_S = 0.5  # between two notes for the other nodes of how far it has come


def main(process: NodeProcess) -> None:
    """Works; on a node of a cluster, only while this is the node that does."""
    app = process.app()
    process.wait_for_look()
    if not process.config.cluster:
        work(process, app)
        return
    from engine.processes.standby import handover_of, stand_by  # brings NATS

    handover = handover_of(process)
    while stand_by(process, handover):
        work(process, app, handover.give)
        handover.let_go()


def work(process: NodeProcess, app: Engine, noted: Callable[[], None] = lambda: None) -> None:
    """The loop: note what is done, take, answer, park. `noted` is called now and then."""
    spec = app.workers[process.role.subject]
    worker, folder = spec.factory(), process.data.worker(spec.name)
    readers, clock, positions = process.data.readers(), process.data.clock, [0] * process.partitions
    worker.clock_ns = clock.now_ns
    worker.open(folder)
    with lend(*readers):
        lanes = Lanes(worker, spec, process.endpoints, process.log)
        taking = taking_of(process, app, lanes) if spec.handlers else None
        questions = WorkerQuestions(
            worker, spec, positions, lambda: lag_of(readers, positions, clock.now_ns())
        )
        poisoned = poisoned_queries(process, spec.cls)
        endpoint = process.endpoints.workers[spec.name]
        desk = Desk(desk_socket(endpoint, process.log), poisoned.over(questions))
        doorbell = Doorbell(process.endpoints.events if spec.handlers else [])
        poller = zmq.Poller()
        poller.register(process.wake, zmq.POLLIN)
        poller.register(doorbell.socket, zmq.POLLIN)
        poller.register(desk.socket, zmq.POLLIN)
        process.running()
        look_at, note_at, wanted = 0.0, 0.0, False
        while process.acts() and not process.stopping and not process.abort():
            if not lanes.hang():
                process.beat()
            lanes.go_round()
            done, rung = lanes.done(), bool(list(doorbell.notices()))
            busy = desk.serve()
            now, wanted = time.monotonic(), wanted or rung
            if taking is not None and (done or now > (look_at + PAUSE_S if wanted else look_at + LOOK_S)):
                look_at, wanted = now, False
                busy |= taking.turn(done)
            if now > note_at:
                note_at = now + NOTE_S
                noted()
            positions[:] = [reader.position() for reader in readers] if taking is None else taking.positions
            process.slot.position, process.slot.dead_letters = sum(positions), lanes.failing
            if not busy:
                open = taking is not None and (taking.open or wanted)
                wait = LANE_WAIT_S if open else process.patience()
                poller.poll(int(min(wait, desk.patience()) * 1000))
            else:
                process.worked()
        lanes.close()
        if taking is not None:
            taking.close(lanes.done())
        worker.close()
    desk.close()
    poisoned.close()
    doorbell.close()
    for reader in readers:
        reader.close()


def taking_of(process: NodeProcess, app: Engine, lanes: Lanes) -> Taking:
    """The worker's reading of the log, from where it was."""
    name = process.role.subject
    settle_beginning(process.data, name, process.has_settled, process.wait_a_moment)
    events = sorted(app.workers[name].events(), key=str)
    subscriber = Subscriber(
        process.data.path, name, events, app=app, folder=process.data.worker(name), since="now"
    )
    checkpoint_s = process.config.checkpoint_ms / 1000
    return Taking(subscriber, process.partitions, lanes.give, now=time.monotonic, checkpoint_s=checkpoint_s)


if __name__ == "__main__":
    run(main)
