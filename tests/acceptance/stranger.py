"""A client that knows docs/PROTOCOL.md and nothing of the engine: ZeroMQ, JSON and the page."""

import contextlib
import json
import secrets
import socket
import struct
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import zmq

PATIENCE_MS = 10_000


def fresh_id() -> str:
    """A UUIDv7 as 32 hexadecimal digits."""
    number = int(time.time() * 1000) << 80 | 7 << 76 | secrets.randbits(76)
    number = number & ~(3 << 62) | 2 << 62
    return f"{number:032x}"


def command(type: str, aggregate: str, **fields: Any) -> bytes:
    """A command under a fresh id."""
    return json.dumps({"type": type, "aggregate": aggregate, "id": fresh_id(), **fields}).encode()


class Stranger:
    """One client of the node whose `endpoints.json` lies in this folder."""

    def __init__(self, data: Path) -> None:
        self.endpoints: dict[str, Any] = json.loads((data / "endpoints.json").read_text())
        self._context = zmq.Context()
        self._commands = self._socket(zmq.DEALER, self.endpoints["commands"])
        self._reads = self._socket(zmq.DEALER, self.endpoints["reads"])

    def send(self, type: str, aggregate: str, **fields: Any) -> Any:
        """A command; its answer."""
        self._commands.send(command(type, aggregate, **fields))
        (answer,) = json.loads(_received(self._commands))
        return answer

    def read(self, query: str, *, at_least: list[int] | None = None, **args: Any) -> Any:
        """A question to the reader; its answer, whole."""
        request = {"query": query, "args": args}
        self._reads.send(json.dumps(request | ({"at_least": at_least} if at_least else {})).encode())
        return json.loads(_received(self._reads))

    def log(self, **args: Any) -> list[Any]:
        """All entries, page by page."""
        entries: list[Any] = []
        page: Any = {"after": [], "more": True}
        while page["more"]:
            page = self.read("events", after=page["after"], **args)["answer"]
            entries += page["entries"]
        return entries

    def listen(self) -> "Doorbell":
        """The doorbell of partition 0."""
        events = self._socket(zmq.SUB, self.endpoints["events"][0])
        events.setsockopt(zmq.SUBSCRIBE, b"")
        return Doorbell(events)

    def _socket(self, kind: int, endpoint: str) -> "zmq.Socket[bytes]":
        made: zmq.Socket[bytes] = self._context.socket(kind)
        made.connect(endpoint)
        return made

    def __enter__(self) -> "Stranger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.destroy(0)


class Bare:
    """A client that speaks ZMTP 3.0 by itself over the commands socket, under a routing id of any length."""

    def __init__(self, endpoint: str, routing_id: bytes, kind: bytes = b"DEALER") -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self._greet(endpoint.removeprefix("ipc://"), routing_id, kind)
        except BaseException:
            self.close()
            raise

    def _greet(self, path: str, routing_id: bytes, kind: bytes) -> None:
        self.socket.settimeout(PATIENCE_MS / 1000)
        self.socket.connect(path)
        self.socket.sendall(b"\xff" + bytes(8) + b"\x7f\3\0NULL" + bytes(48))
        properties = {b"Socket-Type": kind, b"Identity": routing_id}
        ready = b"".join(
            bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value
            for name, value in properties.items()
        )
        self._send(b"\5READY" + ready, command=True)
        self._receive(64)
        self.frame()  # its READY

    def send(self, frame: bytes) -> None:
        """One message of one frame."""
        self._send(frame, command=False)

    def pour(self, frame: bytes, seconds: float, *, more: bool = False) -> None:
        """The same frame again and again, as `more` of one message that never ends, for so long or until the
        node breaks the connection."""
        head = bytes([2 | more]) + len(frame).to_bytes(8, "big")
        piece = (head + frame) * max(1, 60_000 // (9 + len(frame)))
        until = time.monotonic() + seconds
        self.socket.settimeout(0.1)
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < until:
                with contextlib.suppress(TimeoutError):  # whose torn frame is noise like the rest
                    self.socket.sendall(piece)

    def pour_all(self, frames: Iterable[bytes]) -> None:
        """All of these, one message each, or as many as the node takes."""
        self.socket.settimeout(0.5)
        with contextlib.suppress(ConnectionError, TimeoutError):
            for frame in frames:
                self.send(frame)

    def is_shut(self) -> bool:
        """True if the node has broken the connection."""
        self.socket.settimeout(0)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def frame(self) -> bytes:
        """The next frame that comes."""
        flags, length = self._receive(2)
        if flags & 2:
            length = int.from_bytes(bytes([length]) + self._receive(7), "big")
        return self._receive(length)

    def close(self) -> None:
        """Breaks the connection."""
        self.socket.close()

    def _send(self, frame: bytes, *, command: bool) -> None:
        self.socket.sendall(bytes([2 | 4 * command]) + len(frame).to_bytes(8, "big") + frame)

    def _receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            assert piece, "the node closed the connection"
            data += piece
        return data


class Doorbell:
    """The notices of one partition, as they come."""

    def __init__(self, events: "zmq.Socket[bytes]") -> None:
        self._events = events

    def notice(self) -> tuple[int, int, bytes]:
        """The next one: first position, last position, record."""
        frame = _received(self._events)
        _, first, last = struct.unpack_from(">HQQ", frame)
        return first, last, frame[18:]


def _received(where: "zmq.Socket[bytes]") -> bytes:
    assert where.poll(PATIENCE_MS), "no answer"
    return where.recv()
