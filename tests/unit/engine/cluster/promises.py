"""Logs that answer when a test says so."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Promises:
    """Some logs. `bodies`: what was appended to each."""

    def __init__(self) -> None:
        self.bodies: dict[int, list[bytes]] = {}
        self._waiting: dict[int, list[Future[int]]] = {}

    def log(self, number: int) -> Any:
        """A log, as far as appending to it goes."""
        self.bodies[number], self._waiting[number] = [], []
        return _Log(lambda body: self._append(number, body))

    def answer(self, number: int) -> None:
        """The oldest append to a log is taken."""
        self._waiting[number].pop(0).set_result(len(self.bodies[number]))

    def _append(self, number: int, body: bytes) -> "Future[int]":
        self.bodies[number].append(body)
        promise: Future[int] = Future()
        self._waiting[number].append(promise)
        return promise


class _Log:
    def __init__(self, append: Callable[[bytes], "Future[int]"]) -> None:
        self.append = append
