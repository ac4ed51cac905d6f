"""A client that knows docs/PROTOCOL.md and nothing of the engine: ZeroMQ, JSON and the page."""

import json
import secrets
import struct
import time
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


class Stranger:
    """One client of the node whose `endpoints.json` lies in this folder."""

    def __init__(self, data: Path) -> None:
        self.endpoints: dict[str, Any] = json.loads((data / "endpoints.json").read_text())
        self._context = zmq.Context()
        self._commands = self._socket(zmq.DEALER, self.endpoints["commands"])
        self._reads = self._socket(zmq.DEALER, self.endpoints["reads"])

    def send(self, type: str, aggregate: str, **fields: Any) -> Any:
        """A command; its answer."""
        command = {"type": type, "aggregate": aggregate, "id": fresh_id(), **fields}
        self._commands.send(json.dumps(command).encode())
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
        socket = self._socket(zmq.SUB, self.endpoints["events"][0])
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        return Doorbell(socket)

    def _socket(self, kind: int, endpoint: str) -> "zmq.Socket[bytes]":
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        socket.connect(endpoint)
        return socket

    def __enter__(self) -> "Stranger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.destroy(0)


class Doorbell:
    """The notices of one partition, as they come."""

    def __init__(self, socket: "zmq.Socket[bytes]") -> None:
        self._socket = socket

    def notice(self) -> tuple[int, int, bytes]:
        """The next one: first position, last position, record."""
        frame = _received(self._socket)
        _, first, last = struct.unpack_from(">HQQ", frame)
        return first, last, frame[18:]


def _received(socket: "zmq.Socket[bytes]") -> bytes:
    assert socket.poll(PATIENCE_MS), "no answer"
    return socket.recv()
