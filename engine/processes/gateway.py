"""The gateway, through which the node is reached by HTTP: a client of it like any other, kept by it.

It sends commands by the public client, asks views as that does, and reads the log beside the process that
writes it. So it can be slow, busy or gone without slowing a command that another client sends. The socket is
the supervisor's: while a gateway that ended is started again, connections wait.
"""

import asyncio
import signal
import socket
import time

from engine.gateway.context import Context
from engine.gateway.server import Server
from engine.node.process import NodeProcess, run
from engine.node.roles import INPUT
from engine.node.senders import Senders, path_of
from engine.node.status import State, StatusPage

BEAT_S = 0.05  # between two beats, and two looks whether the node stops
ENDING = (State.STOPPING, State.STOPPED)


def main(process: NodeProcess) -> None:
    """Serves until it is told to stop, or the node is gone."""
    process.wait_for_look()
    with StatusPage.attach(process.endpoints.status) as page:
        asyncio.run(serve(process, page))


async def serve(process: NodeProcess, page: StatusPage) -> None:
    """The loop: requests are answered as they come; between them it beats and looks."""
    context = Context(process.node, process.app(), page)
    server = Server(context, process.log)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    serving = asyncio.create_task(server.run_until_stopped(socket.socket(fileno=process.node.http_fd)))
    senders = Senders(
        path_of(process.run, process.name), context.tally, lambda sender: (sender, 0), time.monotonic()
    )
    process.running()
    while not serving.done():
        process.beat()
        senders.look(time.monotonic())
        if process.slot_of(INPUT).state in ENDING:  # the followers are told later, when all is stored
            context.stop()
        if process.abort():
            return
        await asyncio.wait([serving], timeout=BEAT_S)
    await serving
    await context.close()


if __name__ == "__main__":
    run(main)
