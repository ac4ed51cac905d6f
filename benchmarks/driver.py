"""One client process: sends a prepared story with a bounded number in flight, and takes every answer."""

import time
from collections.abc import Iterable
from typing import Any

import msgspec
import zmq

from benchmarks.selling import Message
from domain_12306.workload.synthetic import open_synthetic_run, run_name
from engine.base.identity import uuid7_hex
from engine.client.sync import ASK_AGAIN_S

IN_FLIGHT = 40_000
PATIENT = {"max_wait_ms": 0}  # for a node that is to be kept busy, however long commands wait
PATIENCE_MS = 60_000


class Answer(msgspec.Struct):
    """The part of an answer that is needed to check it."""

    outcome: str
    id: str | None = None
    ids: list[str] = []
    partition: int = 0
    position: int = 0
    code: str = ""


decode = msgspec.json.Decoder(list[Answer]).decode


class Driver:
    """A DEALER socket and what came back through it."""

    def __init__(self, endpoint: str) -> None:
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.set_hwm(0)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.ROUTING_ID, bytes.fromhex(uuid7_hex()))
        self.socket.connect(endpoint)
        self.committed: set[str] = set()
        self.positions: dict[int, int] = {}  # the highest seen, by partition
        self.others: list[Answer] = []  # everything that was not committed

    def open_runs(self, count: int) -> None:
        """Puts `count` synthetic runs on sale."""
        opening = [open_synthetic_run(run_name(number)) for number in range(count)]
        blocks = [opening[k : k + 100] for k in range(0, count, 100)]
        self.play([(msgspec.json.encode(block), len(block)) for block in blocks])

    def play(self, messages: Iterable[Message]) -> float:
        """Sends all and waits for all answers; returns the seconds that it took."""
        send, receive = self.socket.send, self.socket.recv
        queue = iter(messages)
        message = next(queue, None)
        flying = 0
        frames: list[list[Answer]] = []
        started = time.perf_counter()
        while message or flying:
            while message and flying < IN_FLIGHT:
                send(message[0])
                flying += message[1]
                message = next(queue, None)
            if not self.socket.poll(PATIENCE_MS):
                raise TimeoutError(f"no answer for {PATIENCE_MS / 1000:.0f} s to {flying} commands")
            answers = decode(receive())
            flying -= sum([len(answer.ids) or 1 for answer in answers])
            frames.append(answers)
        seconds = time.perf_counter() - started
        for answers in frames:
            self.note(answers)
        return seconds

    def note(self, answers: list[Answer]) -> None:
        """Notes the answers. AssertionError: a command was answered twice."""
        for answer in answers:
            if answer.outcome != "committed":
                self.others.append(answer)
                continue
            ids = answer.ids or [answer.id or ""]
            before = len(self.committed)
            self.committed.update(ids)
            if len(self.committed) != before + len(ids):
                raise AssertionError("a command was answered twice")
            last = answer.position + len(ids) - 1
            self.positions[answer.partition] = max(self.positions.get(answer.partition, 0), last)


def ask(endpoint: str, query: str, *, once: bool = False, **options: Any) -> Any:
    """One query, answered when the view is at `at_least`. Asked again, unless only `once`: the connection may
    have been lost, as with a client. Raises on an error answer."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(endpoint)
    try:
        every_ms = PATIENCE_MS if once else round(ASK_AGAIN_S * 1000)
        for _ in range(PATIENCE_MS // every_ms):
            socket.send(msgspec.json.encode({"query": query, **options}))
            if socket.poll(every_ms):
                break
        else:
            raise TimeoutError(f"no answer to the query {query}")
        answer = msgspec.json.decode(socket.recv())
    finally:
        socket.close()
    if "error" in answer:
        raise AssertionError(f"query {query}: {answer['error']}: {answer['message']}")
    return answer["answer"]
