"""Where a story plays: on a running node, or on the inline engine. It cannot tell which."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import Client, Engine, EventLog, Node
from engine.testing import InlineClient, InlineEngine
from tests.deadline import until
from tests.examples.following import History


class OnNode:
    """A running node. Time passes as it does, so stories on it are short of it."""

    def __init__(self, name: str, app: Engine, folder: Path) -> None:
        self._node = Node(folder / "data", app=name, log=folder / "node.log").start()
        self.client: Client = Client(self._node.endpoints)
        self.data = self._node.data

    def comes_to(self, condition: Callable[[], Any], what: str) -> Any:
        """The first true value of a condition."""
        return until(condition, 30, what)

    def time_passes(self, seconds: float) -> None:
        """So much later."""
        due = time.monotonic() + seconds
        until(lambda: time.monotonic() > due, seconds + 10, "time passes")

    def restart(self) -> None:
        """It ends in order and begins anew: kills are for other tests, as they take a second longer."""
        self.client.close()
        self._node.stop()
        self._node.start()
        self.client = Client(self._node.endpoints)

    def history(self) -> list[Any]:
        """Everything that has happened, in order."""
        history = History(self.data, 1)
        history.new()
        history.close()
        return history.in_order()

    def close(self) -> None:
        """The end."""
        self.client.close()
        self._node.stop()


class Inline:
    """The inline engine: time stands still until it is told to pass."""

    def __init__(self, name: str, app: Engine, folder: Path) -> None:
        self._engine = InlineEngine(app, folder / "data")
        self.client: InlineClient = self._engine.client()
        self.data = folder / "data"

    def comes_to(self, condition: Callable[[], Any], what: str) -> Any:
        """The value of a condition once nothing is left to do."""
        self._engine.settle()
        value = condition()
        assert value, what
        return value

    def time_passes(self, seconds: float) -> None:
        """So much later."""
        self._engine.time_passes(seconds=seconds)

    def restart(self) -> None:
        """Everything dies and begins anew."""
        self._engine.restart(kill=True)

    def history(self) -> list[Any]:
        """Everything that has happened, in order."""
        self._engine.settle()
        with EventLog(self.data) as log:
            return [entry.commit for entry in log.read()]

    def close(self) -> None:
        """The end."""
        self._engine.close()
