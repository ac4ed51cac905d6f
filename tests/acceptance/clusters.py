"""What the tests of a cluster share: servers of their own, the command line against them, and nodes."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from engine import Node
from engine.cluster.assignment import assign
from engine.cluster.servers import Servers
from tests.acceptance.kit import ringfold
from tests.deadline import until

SMALL = {
    "segment_bytes": "1MiB",
    "max_message_bytes": "256KiB",
    "checkpoint_ms": 50,
    "snapshot_events": 0,
    "max_wait_ms": 0,
}


class Cluster:
    """Servers and nodes of one application. `folder`: of all that they keep; `own`: settings of the
    application."""

    def __init__(
        self, folder: Path, servers: Servers, app: str, partitions: int, own: Mapping[str, object]
    ) -> None:
        self.folder, self.servers, self.app, self.partitions = folder, servers, app, partitions
        self.own = own
        self.nodes: dict[str, Node] = {}

    def settings(self) -> dict[str, Any]:
        """What all nodes and commands are told."""
        return {
            "cluster": self.servers.urls,
            "cluster_monitors": self.servers.monitors,
            "cluster_replicas": min(3, self.servers.count),
        }

    def ringfold(self, *words: str, code: int = 0, **more: object) -> Any:
        """`ringfold cluster … --json`; what it prints, or of a failure what is wrong."""
        settings = self.settings() | {"app": self.app, "partitions": self.partitions} | more
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        flags += [f"--set={name}={value}" for name, value in self.own.items()]
        done = ringfold("cluster", *words, *flags, "--json", timeout_s=120)
        assert done.returncode == code, done.stdout + done.stderr
        lines = (done.stdout if done.stdout.strip() else done.stderr).splitlines()
        return json.loads(lines[-1])

    def start(self, name: str, **more: object) -> Node:
        """A node of this name, at work."""
        settings = SMALL | self.settings() | {"node": name} | dict(self.own) | more
        node = Node(self.folder / name, app=self.app, settings=settings, log=self.folder / f"{name}.log")
        self.nodes[name] = node.start()
        return node

    def owner(self, partition: int) -> str:
        """The node that owns a partition, as the nodes say; empty if there is none."""
        for name, node in self.nodes.items():
            if node.page is not None and node.page.slot("member").owned >> partition & 1:
                return name
        return ""

    def settled(self) -> list[str]:
        """The owner of each partition, once each of the nodes has its share."""
        wanted = assign(self.partitions, self.nodes)
        until(lambda: [self.owner(p) for p in range(self.partitions)] == wanted, 20, "each has its share")
        return wanted


@contextmanager
def cluster(app: str, partitions: int = 1, servers: int = 1, **own: object) -> Iterator[Cluster]:
    """A cluster that is founded, without nodes; all of it is gone afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-")))
        made = Cluster(folder, stack.enter_context(Servers(folder / "nats", servers)), app, partitions, own)
        made.ringfold("init")
        try:
            yield made
        finally:
            for node in made.nodes.values():
                node.kill()
