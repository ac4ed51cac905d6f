"""Records that come to a view late, or not, and a store that seems to lack them. Armed by files in a folder:

    late.POSITION     the record that begins here is published after the one that follows it
    lost.POSITION     it is not published
    hidden.POSITION   views do not find it, nor what comes behind it, in the store
    heard.VIEW.POSITION   made when a view has had it from the doorbell, while something is hidden

For one partition. As in `faults` methods of the product are patched, and the product knows nothing of it.
"""

import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import zmq

from engine.store import Reader
from engine.wire.doorbell import Notice

VARIABLE = "BEHAVIOURS_DOORBELLS"
RECORD = struct.Struct(">HQQ")  # partition, first and last position: see the protocol


class Doorbells:
    """The folder, as those who come by look into it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: list[Callable[[], object]] = []

    def publish(self, position: int, send: Callable[[], object]) -> None:
        """A record on its way."""
        if (self._folder / f"lost.{position}").exists():
            return
        late = self._folder / f"late.{position}"
        if late.exists():
            late.unlink()
            self._held.append(send)
            return
        send()
        held, self._held = self._held, []
        for other in held:
            other()

    def hear(self, position: int) -> None:
        """A record has come."""
        if any(self._folder.glob("hidden.*")):
            name = sys.argv[-1].removeprefix("--name=projector-")
            (self._folder / f"heard.{name}.{position}").touch()

    def top(self, position: int) -> int:
        """How far a store seems to reach that reaches to `position`."""
        return min([position, *(int(file.suffix[1:]) - 1 for file in self._folder.glob("hidden.*"))])


def install(folder: Path) -> None:
    """In a process of a node: its output rings late, its followers read a store that lacks something."""
    doorbells, send, receive = Doorbells(folder), zmq.Socket.send, zmq.Socket.recv

    def sending(socket: Any, data: Any, *rest: Any, **more: Any) -> Any:
        if socket.type != zmq.PUB:
            return send(socket, data, *rest, **more)
        _, first, _ = RECORD.unpack_from(data)
        return doorbells.publish(first, lambda: send(socket, data, *rest, **more))

    def receiving(socket: Any, *rest: Any, **more: Any) -> Any:
        message: Any = receive(socket, *rest, **more)
        if socket.type == zmq.SUB:
            _, first, _ = RECORD.unpack_from(message)
            doorbells.hear(first)
        return message

    patch.object(zmq.Socket, "send", sending).start()
    patch.object(zmq.Socket, "recv", receiving).start()
    if "engine.processes.projector" in sys.orig_argv:
        _hiding(doorbells)


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """In this process, for an inline engine that is made meanwhile."""
    from engine.testing import InlineEngine  # not in a node's processes: it imports what they run as main

    doorbells, publish = Doorbells(folder), InlineEngine._publish

    def publishing(engine: InlineEngine, notice: Notice) -> None:
        doorbells.publish(notice.first_position, lambda: publish(engine, notice))

    with _hiding(doorbells), patch.object(InlineEngine, "_publish", publishing):
        yield


def _hiding(doorbells: Doorbells) -> ExitStack:
    position, records = Reader.position, Reader.records

    def seen(reader: Reader, after: int = 0) -> Iterator[tuple[int, bytes]]:
        for last, record in records(reader, after):
            if last > doorbells.top(last):
                return
            yield last, record

    stack = ExitStack()
    stack.enter_context(patch.object(Reader, "position", lambda reader: doorbells.top(position(reader))))
    stack.enter_context(patch.object(Reader, "records", seen))
    return stack
