"""Wires, which replace sockets if everything happens in one thread.

Each has the part of a ZeroMQ socket that is used. What is sent is at the other end at once; checking whether
something has come (`poll`, `recv`) makes the engine work.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import zmq


class Wire:
    """The client's end: frames go to `deliver`; what comes back is put into `inbox`."""

    def __init__(self, deliver: Callable[[bytes], None], work: Callable[[], object]) -> None:
        self.inbox: deque[bytes] = deque()
        self._deliver, self._work = deliver, work

    def send(self, frame: bytes, flags: int = 0) -> None:
        self._deliver(frame)

    def poll(self, timeout_ms: int = 0, flags: int = 0) -> int:
        if not self.inbox:
            self._work()
        return len(self.inbox)

    def recv(self, flags: int = 0) -> bytes:
        if not self.inbox:
            self._work()
        if not self.inbox:
            raise zmq.Again
        return self.inbox.popleft()

    def close(self) -> None:
        self.inbox.clear()


class DeskWire:
    """The desk's end of queries: [route, body] in, [route, body] out to the client with this route."""

    def __init__(self) -> None:
        self.requests: deque[list[bytes]] = deque()
        self.routes: dict[bytes, Wire] = {}

    def recv_multipart(self, flags: int = 0) -> list[bytes]:
        if not self.requests:
            raise zmq.Again
        return self.requests.popleft()

    def send_multipart(self, frames: list[bytes], flags: int = 0) -> None:
        wire = self.routes.get(frames[0])
        if wire is not None:
            wire.inbox.append(frames[-1])

    def close(self) -> None:
        self.requests.clear()


def as_socket(wire: Any) -> "zmq.Socket[bytes]":
    """For the type checker."""
    socket: zmq.Socket[bytes] = wire
    return socket
