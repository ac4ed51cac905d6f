"""Queries to a view from a process of its own, so that asking costs the seller nothing but the machine."""

import multiprocessing
import time
from multiprocessing.synchronize import Event as Flag
from typing import Any

import msgspec
import zmq

from benchmarks.driver import PATIENCE_MS
from benchmarks.figures import percentiles
from engine.client.sync import ASK_AGAIN_S

QUERIES_IN_FLIGHT = 8

Journey = dict[str, str]
"""board, alight, date: the arguments of a departure board."""

spawning = multiprocessing.get_context("spawn")  # a fork would share the sockets of this process


class Asking:
    """Queries from a process of their own, for as long as the `with` lasts."""

    def __init__(self, endpoint: str, journeys: list[Journey]) -> None:
        self._stop = spawning.Event()
        self._here, self._there = spawning.Pipe()
        self._process = spawning.Process(target=asker, args=(self._there, self._stop, endpoint, journeys))

    def __enter__(self) -> "Asking":
        self._process.start()
        self._there.close()  # so that its end is noticed here
        self._here.recv()  # it is there, and has its first answer
        return self

    def lasts(self, seconds: float) -> None:
        """Lets it ask for so long."""
        self._stop.wait(seconds)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._answers, self._seconds, self._latencies = self._here.recv()
        self._process.join()

    def report(self, name: str) -> dict[str, Any]:
        """Queries a second, how long they took, trains on a board."""
        return {
            f"queries_per_second{name}": round(len(self._latencies) / self._seconds),
            f"query_ms{name}": percentiles(self._latencies, 1000),
            f"trains_an_answer{name}": round(self._answers / len(self._latencies), 1),
        }


def asker(pipe: Any, stop: Flag, endpoint: str, journeys: list[Journey]) -> None:
    """The asking process: some queries in flight, at once the next when an answer is there."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(endpoint)
    questions = [
        msgspec.json.encode({"query": "remaining", "args": journey, "request": number})
        for number, journey in enumerate(journeys)
    ]
    since: dict[int, float] = {}  # by the number of the question: far fewer are in flight than there are
    latencies: list[float] = []
    trains = asked = 0

    def ask_one() -> None:
        nonlocal asked
        number = asked % len(questions)
        asked += 1
        since[number] = time.perf_counter()
        socket.send(questions[number])

    def take_one() -> None:
        nonlocal trains
        until = time.perf_counter() + PATIENCE_MS / 1000
        while not socket.poll(round(ASK_AGAIN_S * 1000)):  # as a client does: a connection may have been lost
            if time.perf_counter() > until:
                raise TimeoutError("no answer to a query")
            for number in since:
                socket.send(questions[number])
        answer = msgspec.json.decode(socket.recv())
        if "error" in answer or not answer["answer"]:
            raise AssertionError(f"no train for a journey that is on sale: {answer}")
        asked_at = since.pop(answer["request"], None)
        if asked_at is not None:  # not the second answer to a question that was asked twice
            latencies.append(time.perf_counter() - asked_at)
            trains += len(answer["answer"])

    ask_one()
    take_one()
    latencies.clear()
    trains = 0
    pipe.send("asking")
    started = time.perf_counter()
    for _ in range(QUERIES_IN_FLIGHT):
        ask_one()
    while not stop.is_set():
        take_one()
        ask_one()
    while since:
        take_one()
    pipe.send((trains, time.perf_counter() - started, latencies))
