"""What both logs of a partition, and the register of owners, have to be able to do.

The seams behind which JetStream stands, and memory in tests. Each call returns at once with a promise, or
tells what has arrived; who needs an answer waits for it with a deadline of its own.
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple, Protocol


class Message(NamedTuple):
    """A message of a log. `time_ns`: when the log took it."""

    sequence: int
    time_ns: int
    body: bytes


class LogFull(Exception):
    """The log takes no more for now, and nothing of this was kept."""


class Superseded(Exception):
    """Another message may have the place. Only the message there can say whether it is one's own."""


class NoAnswer(Exception):
    """It is not known whether the message was taken."""


class CommandLog(Protocol):
    """C: a queue that every node appends to, and that the owner of the partition reads."""

    def append(self, body: bytes) -> "Future[int]":
        """Appends a message; its sequence. LogFull, NoAnswer: by then it may be there, or not."""

    def follow(self, after: int, arrived: Callable[[Message], None]) -> None:
        """Reads what comes after a sequence, in order, from another thread. Ends what was followed before."""

    def pause(self) -> None:
        """Follows no longer."""

    def trim(self, upto: int) -> "Future[None]":
        """Messages up to this one are no longer needed. NoAnswer: they may still be there."""


class DecisionLog(Protocol):
    """E: what was decided, which every node reads, and whose next place is taken once."""

    def append(self, body: bytes, after: int) -> "Future[int]":
        """Appends the message that follows `after`; its sequence. Superseded, NoAnswer."""

    def follow(self, after: int, arrived: Callable[[Message], None]) -> None:
        """As of `CommandLog`."""

    def at(self, sequence: int) -> "Future[bytes | None]":
        """The message with this sequence; None if there is none (yet)."""

    def last(self) -> "Future[int]":
        """The sequence of the last message; 0 if there is none."""


class Owner(NamedTuple):
    """Who owns a partition. `term`: how often that was changed; `revision`: to change it again."""

    node: str
    term: int
    revision: int


class Register(Protocol):
    """Who owns what, changed by compare-and-set; and the beats by which nodes hear of each other."""

    def owner(self, partition: int) -> "Future[Owner | None]":
        """The owner that is registered, if there is one."""

    def claim(self, partition: int, node: str, before: Owner | None) -> "Future[Owner | None]":
        """Registers a new owner, if it is still as it was; None if it is not."""

    def beat(self, body: bytes) -> None:
        """Tells all nodes."""

    def listen(self, heard: Callable[[bytes], None]) -> None:
        """Calls with each beat of any node, from another thread."""
