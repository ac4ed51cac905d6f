"""The stand-in for a follower that failed: it answers every query with the cause, and runs no code of the
application.

    query `restart`   it ends, and the supervisor starts the follower itself again
"""

from collections.abc import Mapping

import msgspec
import zmq

from engine.follow.questions import Refused
from engine.node.failure import read_failure
from engine.node.process import NodeProcess, run
from engine.node.roles import Kind
from engine.node.status import State
from engine.stages.query_desk import Desk, desk_socket

LOOK_S = 0.25  # between two checks whether it should leave; a query wakes it at once
RESTART = "restart"


class Cause:
    """The only answer. `restart`: it was asked to make room."""

    def __init__(self, text: str, partitions: int) -> None:
        self.positions = [0] * partitions
        self.restart = False
        self._text = text

    def answer(
        self, query: str, args: "msgspec.Raw | bytes", texts: Mapping[str, str] | None = None
    ) -> bytes:
        """Refuses whatever is asked, at once."""
        if query == RESTART:
            self.restart = True
            return b"true"
        raise Refused("failed", self._text)


def main(process: NodeProcess) -> None:
    """The loop: answer, park."""
    failure = read_failure(process.data.failure(process.name))
    cause = Cause(failure.cause if failure else "it could not be kept running", process.partitions)
    desk, poller = None, zmq.Poller()
    poller.register(process.wake, zmq.POLLIN)
    if process.role.kind not in (Kind.SNAPSHOTTER, Kind.GATEWAY):
        desk = Desk(desk_socket(endpoint_of(process), process.log), cause, holds=False)
        poller.register(desk.socket, zmq.POLLIN)
    process.slot.state = State.FAILED
    while not process.stopping and not cause.restart:
        process.beat()
        if desk is None:
            process.sleep(LOOK_S)
        elif not desk.serve():
            poller.poll(int(LOOK_S * 1000))
        if process.abort():
            return
    if desk is not None:
        desk.close()


def endpoint_of(process: NodeProcess) -> str:
    """Where the follower is asked."""
    role, endpoints = process.role, process.endpoints
    homes = {
        Kind.PROJECTOR: endpoints.queries,
        Kind.MANAGER: endpoints.process_managers,
        Kind.WORKER: endpoints.workers,
    }
    return homes[role.kind][role.subject] if role.kind in homes else endpoints.reads


if __name__ == "__main__":
    run(main)
