"""A worker that stands by: another node of the cluster runs it, and this one answers queries with that."""

import time
from collections.abc import Mapping

import msgspec
import zmq

from engine.cluster.handover import Handover
from engine.cluster.link import link_to
from engine.cluster.membership import PATIENCE_S
from engine.cluster.notes import JetStreamNotes
from engine.follow.questions import Refused
from engine.node.cluster_view import read_view
from engine.node.process import NodeProcess
from engine.stages.query_desk import Desk, desk_socket

LOOK_S = 0.05
HEAR_S = 2 * PATIENCE_S  # then a node that was not heard of is not there
ELSEWHERE = "this worker runs on another node of the cluster"


class Elsewhere:
    """The answers of a worker that stands by: it is not behind, and everything else is asked elsewhere."""

    def __init__(self, partitions: int) -> None:
        self.positions = [0] * partitions

    def answer(
        self, query: str, args: "msgspec.Raw | bytes", texts: Mapping[str, str] | None = None
    ) -> bytes:
        """Answers how far it is behind, as watching asks of each; refuses all else, at once."""
        if query == "lag":
            nothing = {"events": 0, "seconds": 0.0}
            return msgspec.json.encode({str(p): nothing for p in range(len(self.positions))})
        raise Refused("failed", ELSEWHERE)


def stand_by(process: NodeProcess, handover: Handover) -> bool:
    """Waits until this node is the one that runs the worker, and has it. False if it is told to end
    instead."""
    endpoint = process.endpoints.workers[process.role.subject]
    desk = Desk(desk_socket(endpoint, process.log), Elsewhere(process.partitions), holds=False)
    poller = zmq.Poller()
    poller.register(process.wake, zmq.POLLIN)
    poller.register(desk.socket, zmq.POLLIN)
    process.running()
    free = False
    try:
        while not (process.acts() and handover.take()):
            process.beat()
            if process.stopping or process.abort():
                return False
            free = free or process.acts() or handover.let_go()  # what a life before this one may have left
            if not desk.serve():
                poller.poll(int(LOOK_S * 1000))
    finally:
        desk.close()
    return not process.stopping


def handover_of(process: NodeProcess) -> Handover:
    """Where the worker of this process notes how far it has come."""
    config, name, began = process.config, process.role.subject, time.monotonic()
    notes = JetStreamNotes(link_to(config, f"{process.node_name} {process.name}"), config.cluster_name)

    def there(node: str) -> bool:
        view = read_view(process.run)
        if view is None or time.monotonic() - began < HEAR_S:
            return True
        return any(seen.there for seen in view.nodes if seen.node == node)

    path = process.data.worker(name) / f"{name}.json"
    return Handover(notes, name, path, process.node_name, there=there, now=time.monotonic)
