"""The server: the routes of the gateway, and uvicorn around them.

It is driven by the process: `serve` runs until `stop` is called, which ends every stream at once and lets
requests end that are under way.
"""

import contextlib
import resource
import socket
from collections.abc import Iterator

import uvicorn

from engine.base.log import Log
from engine.gateway.callers import Callers
from engine.gateway.connection import KEEP_ALIVE_S, Connection
from engine.gateway.context import Context
from engine.gateway.guard import Guard
from engine.gateway.hosts import Hosts
from engine.gateway.routes import routes_of
from engine.node.front import front_of

GRACE_S = 3  # for requests under way when the node stops; streams end at once
DESCRIPTORS = 4_096  # at most, if the system allows so many


class Server(uvicorn.Server):
    """The gateway of one node."""

    def __init__(self, context: Context, log: Log) -> None:
        self.context = context
        config = context.config
        front = front_of(config.http)
        callers = Callers(context.tokens, loopback=front.is_loopback and not config.http_proxy)
        guard = Guard(
            routes_of(context),
            Hosts(config, context.endpoints.http),
            callers,
            context.bodies,
            log,
            tally=context.tally,
            proxy=config.http_proxy,
        )
        super().__init__(
            uvicorn.Config(
                guard,
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                log_level="error",  # less than that is what hostile clients write into the log
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
                ssl_certfile=config.http_certificate or None,
                ssl_keyfile=config.http_key or None,
            )
        )

    async def run_until_stopped(self, listener: socket.socket) -> None:
        """Answers requests until `stop`."""
        more_descriptors()
        await self.serve([listener])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: the process does."""
        yield

    def stop(self) -> None:
        """Ends `run_until_stopped` soon."""
        self.should_exit = True
        self.context.stop()


def more_descriptors() -> None:
    """Raises the number of files that this process may have open: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
