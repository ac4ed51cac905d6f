"""The view of a cluster that one of its nodes has: who is there, who owns what, how far each is.

It is a file in the run directory, which the member process writes again every half second, so that looking at
it costs the servers nothing.
"""

from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.files import show

NAME = "cluster.json"


class NodeSeen(msgspec.Struct):
    """A node that was heard of. `lag_s`: for how long it has lacked what another node has."""

    node: str
    version: str
    there: bool
    ready: bool
    owns: list[int]
    positions: list[int]
    lag_events: int
    lag_s: float
    conflicts: int


class PartitionSeen(msgspec.Struct):
    """A partition. `owner`: empty if no node says that it is; `position`: the highest that a node has."""

    partition: int
    owner: str
    term: int
    position: int


class ClusterView(msgspec.Struct):
    """The whole, as `node` sees it. `owner_changes`: how often this node has become an owner."""

    name: str
    node: str
    owner_changes: int
    nodes: list[NodeSeen]
    partitions: list[PartitionSeen]


def write_view(run: Path, view: ClusterView) -> None:
    """Replaces the file; without room the old one stays."""
    show(run / NAME, msgspec.json.encode(view))


def read_view(run: Path) -> ClusterView | None:
    """What the member process wrote last; None if this node is alone, or has just begun."""
    try:
        return msgspec.json.decode((run / NAME).read_bytes(), type=ClusterView)
    except (OSError, *NOT_DECODABLE):
        return None
