"""A killer: strikes what has a name, one after the other, while a story goes on."""

import os
import random
import signal
import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence

from engine import Node
from tests.deadline import until

BACK_S = 60.0


class Killer(threading.Thread):
    """Kills all of these, in an order that `draw` gives. Mostly it waits until everything is back at work;
    now and then the next one dies while the last one is away."""

    def __init__(self, names: Sequence[str], draw: random.Random, at_work: Callable[[], bool]) -> None:
        super().__init__(name="killer")
        self.draw = draw
        self.killed: list[str] = []
        self.error: BaseException | None = None
        self._names, self._at_work = list(names), at_work
        self.draw.shuffle(self._names)
        self._enough = threading.Event()

    @abstractmethod
    def strike(self, name: str) -> None:
        """Kills it, and waits until it is started again."""

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
                if self._enough.wait(self.draw.uniform(0.05, 0.3)):
                    return
                self.strike(name)
                self.killed.append(name)
                if self.draw.random() < 0.75:
                    until(self._at_work, BACK_S, f"all is back at work after {name}")
            until(self._at_work, BACK_S, "all is back at work")
        except BaseException as error:
            self.error = error

    def stop(self) -> None:
        """No more kills. Raises what went wrong."""
        self._enough.set()
        self.join(90)
        if self.error is not None:
            raise self.error


def dies(node: Node, name: str) -> bool:
    """Kills a process of a node, and waits until it is started again. False if it is not there yet."""
    pid = node.pids[name]
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    until(lambda: node.pids[name] != pid, BACK_S, f"{name} is started again")
    return True
