"""What the tests of a cluster share: servers of their own, the command line against them, and nodes."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from engine import Node
from engine.cluster.servers import Servers
from tests.acceptance.kit import ringfold

SMALL = {
    "segment_bytes": "1MiB",
    "max_message_bytes": "256KiB",
    "checkpoint_ms": 50,
    "snapshot_events": 0,
    "max_wait_ms": 0,
}


class Cluster:
    """Servers and nodes of one application. `folder`: of all that they keep."""

    def __init__(self, folder: Path, servers: Servers, app: str, partitions: int) -> None:
        self.folder, self.servers, self.app, self.partitions = folder, servers, app, partitions
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
        done = ringfold("cluster", *words, *flags, "--json", timeout_s=120)
        assert done.returncode == code, done.stdout + done.stderr
        lines = (done.stdout if done.stdout.strip() else done.stderr).splitlines()
        return json.loads(lines[-1])

    def start(self, name: str, **more: object) -> Node:
        """A node of this name, at work."""
        settings = SMALL | self.settings() | {"node": name} | more
        node = Node(self.folder / name, app=self.app, settings=settings, log=self.folder / f"{name}.log")
        self.nodes[name] = node.start()
        return node

    def owner(self, partition: int) -> str:
        """The node that owns a partition, as the nodes say; empty if there is none."""
        for name, node in self.nodes.items():
            if not node.ended and node.page is not None and node.page.slot("member").owned >> partition & 1:
                return name
        return ""


@contextmanager
def cluster(app: str, partitions: int = 1, servers: int = 1) -> Iterator[Cluster]:
    """A cluster that is founded, without nodes; all of it is gone afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-")))
        made = Cluster(folder, stack.enter_context(Servers(folder / "nats", servers)), app, partitions)
        made.ringfold("init")
        try:
            yield made
        finally:
            for node in made.nodes.values():
                node.kill()
