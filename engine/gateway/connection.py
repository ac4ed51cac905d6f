"""A connection: uvicorn's, with bounds on how many there are and how long one may say nothing.

A client that opens connections and sends nothing, or a header a minute, costs a file descriptor for HEADERS_S
and no more. When all are taken a new one is closed at once: those that are served go on.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from engine.gateway.targets import TARGET

HEADERS_S = 10.0  # from the connection, or from the first byte of a request, to the end of its headers
KEEP_ALIVE_S = 30  # of silence between two requests, or for the rest of an answer that ends the connection
MOST_CONNECTIONS = 2_000
MOST_HEAD_BYTES = 64 << 10  # of a request up to the end of its headers
TRANSPORT = "ringfold.transport"  # in the scope of a request


class Connection(HttpToolsProtocol):
    """One client's. Its transport stands in the scope, so that a client that does not read can be left."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._patience: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Counts it; closes it if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._heard()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of the client. A head without end is cut off: the parser would keep all of it."""
        super().data_received(data)
        if self._patience is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._leave()

    def on_message_begin(self) -> None:
        """The first line of a request."""
        self._wait()
        self._head_bytes = 0
        super().on_message_begin()
        scope: Any = self.scope
        scope[TRANSPORT] = self.transport

    def on_headers_complete(self) -> None:
        """From here on the request has its own patience."""
        self._heard()
        scope: Any = self.scope
        scope[TARGET] = self.url
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """An answer is written. A client that does not read it is left in time, with what waits for it."""
        super().on_response_complete()
        if self.transport.is_closing():
            self.loop.call_later(KEEP_ALIVE_S, self._leave)

    def timeout_keep_alive_handler(self) -> None:
        """The client was silent for too long. To close would wait until it has read everything."""
        self._leave()

    def _wait(self) -> None:
        self._heard()
        self._patience = self.loop.call_later(HEADERS_S, self._leave)

    def _heard(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _leave(self) -> None:
        self.transport.abort()
