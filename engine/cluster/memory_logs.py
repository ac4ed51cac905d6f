"""The logs and the register in memory, for tests: they can be full, fall silent, and answer late."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from engine.cluster.logs import LogFull, Message, NoAnswer, Owner, Superseded

T = TypeVar("T")


def _done(value: T) -> "Future[T]":
    promise: Future[T] = Future()
    promise.set_result(value)
    return promise


def _failed(error: Exception) -> "Future[int]":
    promise: Future[int] = Future()
    promise.set_exception(error)
    return promise


class MemoryLog:
    """A log that several nodes of a test share; each has its own `end` of it."""

    def __init__(self, most: int = 1 << 30) -> None:
        self.messages: list[Message] = []
        self.most = most
        self.first = 1
        self.now_ns = 1
        self.lost = 0
        """so many appends from now on are taken, but not answered"""
        self.deaf = 0
        """so many appends from now on are neither taken nor answered"""
        self.slow = 0
        """so many appends from now on are refused, although they are taken a moment later: as by servers
        that have lost their majority"""
        self._proposed: bytes | None = None
        self._ends: list[LogEnd] = []

    def end(self) -> "LogEnd":
        """One node's end of it."""
        end = LogEnd(self)
        self._ends.append(end)
        return end

    def put(self, body: bytes, after: int | None) -> "Future[int]":
        """Appends, if `after` is the last message or None."""
        if self.deaf:
            self.deaf -= 1
            return _failed(NoAnswer())
        if self._proposed is not None:
            self._take(self._proposed)
            self._proposed = None
        if after is not None and after != len(self.messages):
            return _failed(Superseded())
        if self.slow:
            self.slow -= 1
            self._proposed = body
            return _failed(Superseded())
        if len(self.messages) - self.first + 1 >= self.most:
            return _failed(LogFull())
        sequence = self._take(body)
        if self.lost:
            self.lost -= 1
            return _failed(NoAnswer())
        return _done(sequence)

    def _take(self, body: bytes) -> int:
        self.now_ns += 1
        message = Message(len(self.messages) + 1, self.now_ns, body)
        self.messages.append(message)
        for end in self._ends:
            end.arrived(message)
        return message.sequence


class LogEnd:
    """One node's end of a log in memory: a `CommandLog` or a `DecisionLog`, as it is used."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._arrived: Callable[[Message], None] | None = None

    def arrived(self, message: Message) -> None:
        """A message is new."""
        if self._arrived is not None:
            self._arrived(message)

    def append(self, body: bytes, after: int | None = None) -> "Future[int]":
        return self._log.put(body, after)

    def follow(self, after: int, arrived: Callable[[Message], None]) -> None:
        self._arrived = arrived
        for message in self._log.messages[max(after, self._log.first - 1) :]:
            arrived(message)

    def pause(self) -> None:
        self._arrived = None

    def trim(self, upto: int) -> "Future[None]":
        self._log.first = max(self._log.first, upto + 1)
        return _done(None)

    def at(self, sequence: int) -> "Future[bytes | None]":
        there = 0 < sequence <= len(self._log.messages)
        return _done(self._log.messages[sequence - 1].body if there else None)

    def last(self) -> "Future[int]":
        return _done(len(self._log.messages))


class MemoryRegister:
    """A register that several nodes of a test share."""

    def __init__(self) -> None:
        self._owners: dict[int, Owner] = {}
        self._revision = 0
        self._heard: list[Callable[[bytes], None]] = []

    def owner(self, partition: int) -> "Future[Owner | None]":
        return _done(self._owners.get(partition))

    def claim(self, partition: int, node: str, before: Owner | None) -> "Future[Owner | None]":
        if self._owners.get(partition) != before:
            return _done(None)
        self._revision += 1
        made = self._owners[partition] = Owner(node, 1 if before is None else before.term + 1, self._revision)
        return _done(made)

    def beat(self, body: bytes) -> None:
        for heard in self._heard:
            heard(body)

    def listen(self, heard: Callable[[bytes], None]) -> None:
        self._heard.append(heard)
