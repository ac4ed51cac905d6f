"""The node that is attacked, and what its processes weigh."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from engine import Node
from tests.acceptance.kit import VIEW, railway
from tests.acceptance.stranger import Stranger
from tests.deadline import until

MOST_GROWTH = 50 << 20


class Target:
    """A node at work. `heaviest`: the most that each of its processes has grown by, in bytes."""

    def __init__(self, node: Node, data: Path) -> None:
        self.data = data
        self.log = data.with_suffix(".log")
        self._processes = {name: psutil.Process(pid) for name, pid in node.pids.items()}
        self._first = {name: _own(process) for name, process in self._processes.items()}
        self.heaviest = dict.fromkeys(self._first, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._weigh, daemon=True)
        self._thread.start()

    def door(self, name: str) -> str:
        """An endpoint: commands, reads, query (of the view), events."""
        endpoints: dict[str, Any] = json.loads((self.data / "endpoints.json").read_text())
        found = {**endpoints, "query": endpoints["queries"][VIEW], "events": endpoints["events"][0]}[name]
        return str(found)

    def weigh_anew(self) -> None:
        """Forgets what was heaviest; growth still counts from when the node was ready."""
        self.heaviest = dict.fromkeys(self._first, 0)

    def finish(self) -> None:
        """Ends the weighing."""
        self._over.set()
        self._thread.join()

    def unharmed(self) -> None:
        """AssertionError unless the same processes answer, none grew too much, and all gave it back."""
        until(lambda: max(self._growth().values()) < MOST_GROWTH // 4, what="memory is given back")
        with Stranger(self.data) as stranger:
            assert stranger.send("no.such", "harmless")["code"] == "unknown-command"
            assert "answer" in stranger.read("events", after=[])
        assert all(process.is_running() for process in self._processes.values()), self.log.read_text()
        assert max(self.heaviest.values()) < MOST_GROWTH, (self.heaviest, self.log.read_text())

    def _weigh(self) -> None:
        while not self._over.wait(0.02):
            for name, growth in self._growth().items():
                self.heaviest[name] = max(self.heaviest[name], growth)

    def _growth(self) -> dict[str, int]:
        return {name: _own(process) - self._first[name] for name, process in self._processes.items()}


@contextmanager
def target(data: Path, **settings: object) -> Iterator[Target]:
    """A node to attack."""
    with railway(data, **settings) as node:
        found = Target(node, data)
        try:
            yield found
        finally:
            found.finish()


def _own(process: psutil.Process) -> int:
    try:
        memory = process.memory_info()
    except psutil.Error:
        return 0
    return int(memory.rss - memory.shared)
