"""Streams: an answer that goes on, in pieces, to a client that may read slowly or not at all.

    hub ──offer──▶ pieces, MOST_BYTES at most ──▶ socket

A stream keeps a bounded number of bytes for its client. When more would be needed the stream is over: what is
kept is thrown away, the client is told to come back (`retry`, and the id that it saw last says from where),
and if it does not even read that within LEAVE_S the connection is cut.
"""

import asyncio
import time
from collections import deque
from typing import Any

from starlette.types import Receive, Scope, Send

from engine.gateway.connection import TRANSPORT

MOST_BYTES = 256 << 10  # kept for one client; a larger piece alone is kept all the same
LEAVE_S = 3.0
PATIENCE_S = 15.0  # for a client that reads the past
STOP_S = 0.2  # the same when the node stops


class Stream:
    """What one client gets. `farewell`: its last piece, also where it was too slow."""

    def __init__(self, farewell: bytes = b"") -> None:
        self.farewell = farewell
        self.over = False
        self.too_slow = False
        self.touched = time.monotonic()
        self.ended = asyncio.Event()
        self.leave_s = LEAVE_S
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._held: list[bytes] | None = None
        self._more, self._drained = asyncio.Event(), asyncio.Event()

    def offer(self, piece: bytes) -> None:
        """Adds a piece, or ends the stream if the client is too far behind."""
        if self.over:
            return
        if self._bytes and self._bytes + len(piece) > MOST_BYTES:
            self._give_up()
            return
        self._bytes += len(piece)
        if self._held is not None:
            self._held.append(piece)
        else:
            self._pieces.append(piece)
            self._more.set()

    async def put(self, piece: bytes) -> None:
        """Adds a piece of what is stored, and waits until the client has come so far: what it does not read
        is not read for it. It has PATIENCE_S for each."""
        if self.over or not piece:
            return
        self._pieces.append(piece)
        self._more.set()
        self._drained.clear()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._drained.wait()
        except TimeoutError:
            self._give_up()

    def hold(self) -> None:
        """What is offered waits until `release`, because something comes before it."""
        self._held = []

    def release(self) -> None:
        """What was held goes on."""
        self._pieces += self._held or ()
        self._held = None
        self._more.set()

    def end(self, leave_s: float = LEAVE_S) -> None:
        """No more comes. `leave_s`: in which the client must have read what is there."""
        self.over, self.leave_s = True, leave_s
        self._more.set()
        self._drained.set()
        self.ended.set()

    async def next(self) -> bytes:
        """All that waits, as soon as there is some; empty when the stream is over."""
        while not self._pieces and not self.over:
            self._drained.set()
            self._more.clear()
            await self._more.wait()
        self.touched = time.monotonic()
        whole = b"".join(self._pieces)
        self._pieces.clear()
        self._bytes = sum(map(len, self._held or ()))
        return whole

    def _give_up(self) -> None:
        self.too_slow = True
        self._pieces.clear()
        self.end()


async def send_stream(
    stream: Stream, headers: list[tuple[bytes, bytes]], scope: Scope, receive: Receive, send: Send
) -> None:
    """Sends a stream to its end, which also comes when the client leaves."""
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    leaving = asyncio.create_task(_when_left(stream, receive))
    sending = asyncio.create_task(_pass_on(stream, send))
    try:
        await stream.ended.wait()
        await asyncio.wait([sending], timeout=stream.leave_s)
        if not sending.done():
            cut(scope)
    finally:
        stream.end()
        leaving.cancel()
        sending.cancel()


def cut(scope: Scope) -> None:
    """Ends the connection at once, with what its client has not read."""
    transport: Any = scope.get(TRANSPORT)
    if transport is not None:
        transport.abort()


async def _pass_on(stream: Stream, send: Send) -> None:
    try:
        while piece := await stream.next():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": stream.farewell})
    finally:
        stream.end(stream.leave_s)


async def _when_left(stream: Stream, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()
