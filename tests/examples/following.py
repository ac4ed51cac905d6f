"""What the stories on a running node share: the history as it grows, and a killer of processes."""

import os
import random
import signal
import threading
from pathlib import Path
from typing import Any

from engine import Node
from engine.node.data_directory import DataDirectory
from tests.deadline import until


class History:
    """All commits of a node, read from its store while it works."""

    def __init__(self, data: Path, partitions: int) -> None:
        self.commits: list[Any] = []
        self.positions = [0] * partitions
        self._readers = [DataDirectory(data).reader(p) for p in range(partitions)]

    def new(self) -> list[Any]:
        """The commits since the last call, those of each partition in order."""
        found = []
        for p, reader in enumerate(self._readers):
            for position, commit in reader.commits(self.positions[p]):
                assert position == self.positions[p] + 1, f"position {position} of partition {p}"
                self.positions[p] = position
                found.append(commit)
        self.commits += found
        return found

    def in_order(self) -> list[Any]:
        """All of it in the order in which the node took the commands in."""
        return sorted(self.commits, key=lambda commit: int(commit.sequence))

    def close(self) -> None:
        """Closes the readers."""
        for reader in self._readers:
            reader.close()


class Killer(threading.Thread):
    """Kills every process of a node `each` times, in an order that the seed gives, one after the other:
    mostly it waits until the last one is back; now and then the next dies while it is not."""

    def __init__(self, node: Node, each: int, seed: int) -> None:
        super().__init__(name="killer")
        self.killed: list[str] = []
        self.error: BaseException | None = None
        self._node, self._draw = node, random.Random(seed)
        self._names = sorted(node.pids) * each
        self._draw.shuffle(self._names)
        self._enough = threading.Event()

    @property
    def left(self) -> int:
        """How many kills are still to come."""
        return len(self._names) - len(self.killed)

    def await_next(self, seconds: float) -> None:
        """Returns after the next kill, or when there are no more."""
        left = self.left
        until(lambda: self.left < left or not self.is_alive(), seconds, "the next kill")

    def run(self) -> None:
        try:
            for name in self._names:
                if self._enough.wait(self._draw.uniform(0.05, 0.3)):
                    return
                self._strike(name)
            until(self._node.at_work, 60, "every process is back at work")
        except BaseException as error:
            self.error = error

    def stop(self) -> None:
        """No more kills. Raises what went wrong."""
        self._enough.set()
        self.join(90)
        if self.error is not None:
            raise self.error

    def _strike(self, name: str) -> None:
        node = self._node
        until(lambda: self._dies(name), 60, f"{name} is there to be killed")
        self.killed.append(name)
        if self._draw.random() < 0.75:
            until(node.at_work, 60, f"{name} is back at work")

    def _dies(self, name: str) -> bool:
        pid = self._node.pids[name]
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False  # it had not come back yet
        until(lambda: self._node.pids[name] != pid, 60, f"{name} is started again")
        return True
