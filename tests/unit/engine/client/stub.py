"""A node that says what a test tells it to: one ROUTER on a thread, which can be killed and started again."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import zmq

from engine import Command

Message = dict[str, Any]
Reply = Callable[[list[Message]], list[Message] | None]


class Add(Command, name="add"):
    """What the tests send."""

    number: int = 0


class Long(Command, name="long"):
    """A command that is as long as a test wants."""

    text: str


def committed(commands: list[Message]) -> list[Message]:
    """The answer of a node on which everything goes well: position = 1 + number."""
    well = {"outcome": "committed", "version": 1, "partition": 0}
    return [{**well, "id": c["id"], "position": c.get("number", 0) + 1} for c in commands]


def silent(commands: list[Message]) -> None:
    """No answer."""


def busy(commands: list[Message]) -> list[Message]:
    """Everything refused."""
    return [{"outcome": "busy", "ids": [c["id"] for c in commands], "reason": "full"}]


class Stub:
    """`reply` makes the answers to a frame, None for none; it may be replaced at any time.

    `frames`: what came, each frame a list. Use as a context; `kill` and `start` in between.
    """

    def __init__(self, folder: Path, reply: Reply = committed, name: str = "commands") -> None:
        self.endpoint = f"ipc://{folder}/{name}"
        self.reply = reply
        self.frames: list[list[Message]] = []
        self._thread: threading.Thread | None = None
        self._up = threading.Event()
        self._stop = threading.Event()

    @property
    def ids(self) -> list[str]:
        """Ids of all commands that came, in order."""
        return [command["id"] for frame in list(self.frames) for command in frame]

    def start(self) -> None:
        self._stop.clear()
        self._up.clear()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        assert self._up.wait(5)

    def kill(self) -> None:
        """Ends it with everything that it holds."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _serve(self) -> None:
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.bind(self.endpoint)
        self._up.set()
        while not self._stop.is_set():
            if not socket.poll(5):
                continue
            who, frame = socket.recv_multipart()
            answer = self._answer_to(frame)
            if answer is not None:
                socket.send_multipart([who, msgspec.json.encode(answer)])
        socket.close()

    def _answer_to(self, frame: bytes) -> Any:
        found = msgspec.json.decode(frame)
        self.frames.append(found if isinstance(found, list) else [found])
        return self.reply(self.frames[-1])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class Desk(Stub):
    """A view: `answer` makes the answer to one request, None for none."""

    def __init__(
        self, folder: Path, answer: Callable[[Message], Message | None], name: str = "view"
    ) -> None:
        super().__init__(folder, name=name)
        self.answer = answer

    def _answer_to(self, frame: bytes) -> Any:
        request = msgspec.json.decode(frame)
        self.frames.append([request])
        answer = self.answer(request)
        return answer and {"request": request["request"], "positions": [1], **answer}
