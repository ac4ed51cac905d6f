"""What the behaviours are tried on, under one surface: a running node, and the inline engine."""

import itertools
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from engine import Client, Commit, Event, EventLog, Node, append_foreign
from engine.base.errors import Fault
from engine.testing import InlineEngine
from tests.acceptance.behaviours import domain
from tests.deadline import until

app = domain.create({})
KINDS = ("node", "inline")
SETTINGS = {
    "segment_bytes": "1MiB",
    "max_message_bytes": "64KiB",
    "checkpoint_ms": 20,
    "snapshot_events": 0,
    "hang_seconds": 60,  # a test halts a projector for a while
}
_numbers = itertools.count(1)


def fresh(what: str = "note") -> str:
    """An aggregate that no other test knows."""
    return f"{what}-{os.getpid()}-{next(_numbers)}"


class World(Protocol):
    """What a test needs. `data`: the data directory. `client`: the one that it talks through."""

    data: Path
    client: Client

    def another_client(self) -> Client:
        """One more."""

    def append_foreign(self, aggregate: str, events: Sequence[Event], *, command: str | None = None) -> None:
        """Advances the store behind the core's back."""

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """The first true value of something that comes about by itself."""

    def close(self) -> None:
        """Ends it."""


class Running:
    """A node in processes of its own."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.node = Node(self.data, app=domain.APP, settings=SETTINGS, log=folder / "log").start()
        self.client = Client(self.node.endpoints)
        self._others: list[Client] = []

    def another_client(self) -> Client:
        self._others.append(Client(self.node.endpoints))
        return self._others[-1]

    def append_foreign(self, aggregate: str, events: Sequence[Event], *, command: str | None = None) -> None:
        append_foreign(self.data, aggregate, events, command=command)

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        return until(condition, 20.0, what)

    def restart(self) -> None:
        """Every process is killed, and the node started again."""
        for pid in self.node.pids.values():
            os.kill(pid, signal.SIGKILL)
        self.node.kill()
        self.client.close()
        until(self._starts, 20.0, "the data directory is free again")
        self.client = Client(self.node.endpoints)

    def _starts(self) -> bool:
        try:
            self.node.start()
        except Fault:
            return False
        return True

    def close(self) -> None:
        for client in (self.client, *self._others):
            client.close()
        assert self.node.stop() == 0


class Inline:
    """The same in this thread."""

    def __init__(self, folder: Path) -> None:
        self.engine = InlineEngine(app, folder / "data")
        self.data = self.engine.data
        self.client: Client = self.engine.client()

    def another_client(self) -> Client:
        return self.engine.client()

    def append_foreign(self, aggregate: str, events: Sequence[Event], *, command: str | None = None) -> None:
        self.engine.append_foreign(aggregate, events, command=command)

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        self.engine.settle()
        value = condition()
        assert value, what
        return value

    def restart(self) -> None:
        """As after a kill."""
        self.engine.restart(kill=True)
        self.client = self.engine.client()

    def close(self) -> None:
        self.engine.close()


def make(kind: str, folder: Path) -> Running | Inline:
    """One of KINDS."""
    return Running(folder) if kind == "node" else Inline(folder)


def history(world: World, aggregate: str) -> list[Commit]:
    """Everything stored of an aggregate, in order, as any program may read it."""
    with EventLog(world.data, app) as log:
        return [entry.commit for entry in log.aggregate(aggregate)]


def events(world: World, aggregate: str) -> list[Event]:
    """The events alone."""
    return [event for commit in history(world, aggregate) for event in commit.events]


def ask(world: World, view: str, question: str, note: str, at: tuple[int, int] | None = None) -> Any:
    """What a view says of a note."""
    return world.client.query(view, question, {"note": note}, at_least=at)


def elapsed(since: float) -> float:
    """Seconds since a moment of `time.monotonic`."""
    return time.monotonic() - since
