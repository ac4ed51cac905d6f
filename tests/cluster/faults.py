"""What may happen to a cluster: nodes, their processes and servers are killed, or stopped for a while."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

from engine import Node
from engine.cluster.servers import Servers
from tests.deadline import until

BACK_S = 60.0
STOPPED_S = (1.2, 3.0)  # longer than the patience with a node that is silent
DOWN_S = (0.2, 2.0)
SERVER_STOPPED_S = (1.0, 8.0)
WORK_S = (1.0, 4.0)
ANSWERS = 100


class Faults:
    """Strikes at random. `met` counts what came. `kill`: nodes, single processes of them, servers, all
    servers at once, both nodes and servers, or none; `stop`: they are stopped too. `answers`: how many
    clients have got so far."""

    def __init__(
        self,
        nodes: list[Node],
        servers: Servers,
        draw: random.Random,
        answers: Callable[[], int],
        *,
        kill: str,
        stop: bool,
    ) -> None:
        self.met: Counter[str] = Counter()
        self.told: list[tuple[float, str]] = []
        """when what was done to which one"""
        self._nodes, self._servers, self._draw, self._answers = nodes, servers, draw, answers
        self._pause = threading.Event()
        self._kinds = {
            "nodes": [self._node_dies, self._process_dies, self._process_dies],
            "processes": [self._process_dies],
            "servers": [self._server_dies],
            "all": [self._all_servers_die],
            "both": [self._node_dies, self._process_dies, self._server_dies],
            "none": [],
        }[kill]
        if stop or kill == "nodes":
            self._kinds = [*self._kinds, self._node_stops]
        if stop and kill in ("servers", "both"):
            self._kinds = [*self._kinds, self._server_stops]

    def strike(self) -> None:
        """One of them, and mostly waits until all are back."""
        if self._kinds:
            self._draw.choice(self._kinds)()

    def heal(self) -> None:
        """All are back, and at work."""
        for number in set(range(self._servers.count)) - set(self._servers.alive()):
            self._servers.start(number)
        self._servers.wait_until_ready()
        for node in self._nodes:
            if node.ended:
                node.start()
            until(node.at_work, BACK_S, f"{node.data.name} is at work")

    def _tell(self, kind: str, which: str) -> None:
        self.met[kind] += 1
        self.told.append((time.monotonic(), f"{which} {kind.rpartition(' ')[2]}"))

    def _wait(self, between: tuple[float, float]) -> None:
        self._pause.wait(self._draw.uniform(*between))

    def _node_dies(self) -> None:
        node = self._draw.choice(self._nodes)
        self._tell("nodes killed", node.data.name)
        os.kill(node.pid, signal.SIGKILL)
        node.wait()
        self._wait(DOWN_S)
        node.start()
        self._mostly_until_back(node)

    def _process_dies(self) -> None:
        node = self._draw.choice(self._nodes)
        name, pid = self._draw.choice(sorted(node.pids.items()))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self._tell(f"{name.partition('-')[0]} killed", f"{name} of {node.data.name}")
        if self._draw.random() < 0.5:  # else the next one dies while this one is away
            until(lambda: node.pids[name] != pid, BACK_S, f"{name} is back")
            self._mostly_until_back(node)

    def _node_stops(self) -> None:
        node = self._draw.choice(self._nodes)
        pids = [node.pid, *node.pids.values()]
        self._tell("nodes stopped", node.data.name)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        self._wait(STOPPED_S)
        for pid in reversed(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _mostly_until_back(self, node: Node) -> None:
        if self._draw.random() < 0.75:
            until(node.at_work, BACK_S, f"{node.data.name} is at work")

    def _server_dies(self) -> None:
        number = self._draw.randrange(self._servers.count)
        self._tell("servers killed", f"server {number}")
        self._servers.kill(number)
        self._wait(DOWN_S)
        self._servers.start(number)
        self._servers_are_back()

    def _server_stops(self) -> None:
        number = self._draw.randrange(self._servers.count)
        self._tell("servers stopped", f"server {number}")
        self._servers.kill(number, signal.SIGSTOP)
        self._wait(SERVER_STOPPED_S)
        self._servers.kill(number, signal.SIGCONT)
        self._servers_are_back()

    def _all_servers_die(self) -> None:
        self._tell("all servers killed", "all servers")
        for number in range(self._servers.count):
            self._servers.kill(number)
        self._wait((0.5, 3.0))
        for number in range(self._servers.count):
            self._servers.start(number)
        self._servers_are_back()

    def _servers_are_back(self) -> None:
        """Waits until each server has what it missed, clients are answered again, and a while of work."""
        self._servers.wait_until_ready()
        until(lambda: all(map(self._is_well, range(self._servers.count))), BACK_S, "all servers are well")
        before = self._answers()
        until(lambda: self._answers() > before + ANSWERS, BACK_S, "clients are answered again")
        self._wait(WORK_S)

    def _is_well(self, number: int) -> bool:
        try:
            return self._servers.monitor(number, "healthz").get("status") == "ok"
        except OSError:
            return False
