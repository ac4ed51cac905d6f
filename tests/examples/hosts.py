"""Hosts: where a story plays: one node whose processes are killed, or two of a cluster that die as well."""

import random
import threading
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from engine import Node
from engine.client.gates import Nodes
from engine.node.data_directory import DataDirectory
from tests.acceptance.clusters import cluster
from tests.cluster.story import unequal
from tests.deadline import until
from tests.examples.killer import Killer, dies

SETTLED_S = 60.0
DOWN_S = (0.2, 2.0)


class Host:
    """Something that runs an application, as a context. `nodes`: what it runs on, workers on the first of
    them. `gates`: what a client is given."""

    nodes: list[Node]
    gates: Nodes
    partitions: int

    @property
    def data(self) -> Path:
        """Of the first node: its store has all events, sooner or later."""
        return self.nodes[0].data

    @abstractmethod
    def __enter__(self) -> "Host": ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def killer(self, each: int, seed: int) -> Killer:
        """What kills each of its parts so often, not started yet."""

    def at_work(self) -> bool:
        """True if every process is."""
        return all(node.at_work() for node in self.nodes)

    @abstractmethod
    def stop(self) -> list[str]:
        """Stops it in order. What is wrong with it then."""


class OneNode(Host):
    """One node on a directory."""

    def __init__(self, data: Path, app: str, settings: Mapping[str, object], partitions: int = 1) -> None:
        own = {**settings, "partitions": partitions}
        self.partitions = partitions
        self.nodes = [Node(data, app=app, settings=own, log=data.with_suffix(".log"))]

    def __enter__(self) -> "OneNode":
        self.nodes[0].start()
        self.gates = self.nodes[0].endpoints
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.nodes[0].kill()

    def killer(self, each: int, seed: int) -> Killer:
        return NodeKiller(self.nodes[0], each, seed)

    def stop(self) -> list[str]:
        code = self.nodes[0].stop()
        return [f"the node ended with {code}"] if code else []


class TwoNodes(Host):
    """Two nodes and their servers. `processes`: True if single processes of them are killed as well."""

    def __init__(
        self,
        app: str,
        settings: Mapping[str, object],
        partitions: int = 1,
        *,
        servers: int = 1,
        processes: bool = True,
    ) -> None:
        self._app, self._settings, self.partitions = app, settings, partitions
        self._servers, self._processes = servers, processes
        self._stack = ExitStack()

    def __enter__(self) -> "TwoNodes":
        with ExitStack() as stack:
            made = cluster(self._app, self.partitions, self._servers, **self._settings)
            self._cluster = stack.enter_context(made)
            self.nodes = [self._cluster.start(name) for name in ("one", "two")]
            self.gates = [node.data for node in self.nodes]
            self._cluster.settled()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def killer(self, each: int, seed: int) -> Killer:
        return ClusterKiller(self.nodes, each, seed, processes=self._processes)

    def stop(self) -> list[str]:
        """Both have the same then, and what the logs have."""
        until(self._level, SETTLED_S, "both nodes have everything")
        self._cluster.ringfold("verify")
        codes = [(node.data.name, node.stop()) for node in self.nodes]
        wrong = [f"{name} ended with {code}" for name, code in codes if code]
        return wrong + [one for p in range(self.partitions) for one in unequal(self.nodes, p)]

    def _level(self) -> bool:
        return len({tuple(positions(node)) for node in self.nodes}) == 1


class NodeKiller(Killer):
    """Kills every process of a node."""

    def __init__(self, node: Node, each: int, seed: int) -> None:
        super().__init__(sorted(node.pids) * each, random.Random(seed), node.at_work)
        self._node = node

    def strike(self, name: str) -> None:
        until(lambda: dies(self._node, name), 60, f"{name} is there to be killed")


class ClusterKiller(Killer):
    """Kills nodes, which start again after a while, and their processes."""

    def __init__(self, nodes: list[Node], each: int, seed: int, *, processes: bool) -> None:
        self._nodes = {node.data.name: node for node in nodes}
        names = [*self._nodes]
        if processes:
            names += [f"{name} {process}" for name, node in self._nodes.items() for process in node.pids]
        super().__init__(sorted(names) * each, random.Random(seed), self._at_work)
        self._pause = threading.Event()

    def strike(self, name: str) -> None:
        which, _, process = name.partition(" ")
        node = self._nodes[which]
        if process:
            until(lambda: dies(node, process), 60, f"{name} is there to be killed")
            return
        node.kill()
        self._pause.wait(self.draw.uniform(*DOWN_S))
        node.start()

    def _at_work(self) -> bool:
        return all(node.at_work() for node in self._nodes.values())


def positions(node: Node) -> list[int]:
    """How far the stores of a node are."""
    readers = DataDirectory(node.data).readers()
    found = [reader.position() for reader in readers]
    for reader in readers:
        reader.close()
    return found
