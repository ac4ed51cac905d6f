"""A worker that stands by: another node of the cluster runs it, and this one answers queries with that."""

from collections.abc import Mapping

import msgspec
import zmq

from engine.cluster.handover import Handover
from engine.cluster.link import link_to
from engine.follow.questions import Refused
from engine.node.process import NodeProcess
from engine.stages.query_desk import Desk, desk_socket

LOOK_S = 0.05
ELSEWHERE = "this worker runs on another node of the cluster"


class Elsewhere:
    """The only answer of a worker that stands by."""

    def __init__(self, partitions: int) -> None:
        self.positions = [0] * partitions

    def answer(
        self, query: str, args: "msgspec.Raw | bytes", texts: Mapping[str, str] | None = None
    ) -> bytes:
        """Refuses whatever is asked, at once."""
        raise Refused("failed", ELSEWHERE)


def stand_by(process: NodeProcess) -> bool:
    """Waits until this node is the one that runs the worker. False if it is told to end instead."""
    endpoint = process.endpoints.workers[process.role.subject]
    desk = Desk(desk_socket(endpoint, process.log), Elsewhere(process.partitions), holds=False)
    poller = zmq.Poller()
    poller.register(process.wake, zmq.POLLIN)
    poller.register(desk.socket, zmq.POLLIN)
    process.running()
    try:
        while not process.acts():
            process.beat()
            if process.stopping or process.abort():
                return False
            if not desk.serve():
                poller.poll(int(LOOK_S * 1000))
    finally:
        desk.close()
    return not process.stopping


def handover_of(process: NodeProcess) -> Handover:
    """Where the worker of this process notes how far it has come."""
    config, name = process.config, process.role.subject
    link = link_to(config, f"{process.node_name} {process.name}")
    return Handover(link, config.cluster_name, name, process.data.worker(name) / f"{name}.json")
