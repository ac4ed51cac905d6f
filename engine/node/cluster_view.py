"""The view of a cluster that one of its nodes has: who is there, who owns what, how far each is.

It is a file in the run directory, which the member process writes again every half second, so that looking at
it costs the servers nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.files import show

NAME = "cluster.json"
MOST_LAG_S = 10.0


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


class Trouble(NamedTuple):
    """What is wrong. `code`: for programs. `is_mine`: it keeps this node from its work, and another node may
    do better; otherwise it is the same on all nodes."""

    code: str
    text: str
    is_mine: bool


def troubles_in(view: ClusterView, *, workers: str, silent: int) -> Iterator[Trouble]:
    """What is wrong by the view of a node. `workers`: the node that its settings name for workers; `silent`:
    how many logs do not take what its clients have sent."""
    mine = next((one for one in view.nodes if one.node == view.node), None)
    if mine is None or not mine.there:
        yield Trouble("cut-off", "this node does not reach the NATS servers", True)
        return
    if silent:
        whose = "all partitions" if silent == len(view.partitions) else f"{silent} of the partitions"
        text = f"the NATS servers do not take the commands of {whose}: they are answered busy"
        yield Trouble("servers-silent", text, silent == len(view.partitions))
    if mine.lag_s > MOST_LAG_S:
        yield Trouble("node-behind", f"this node is {mine.lag_s:.0f} s behind other nodes", True)
    elif not mine.ready:
        text = "this node has not followed all decisions, or a core is not at work: it owns nothing"
        yield Trouble("node-not-ready", text, True)
    lacking = [str(one.partition) for one in view.partitions if not one.owner]
    if lacking:
        text = f"no node decides for the partitions {', '.join(lacking)}: their commands wait"
        yield Trouble("no-owner", text, False)
    if workers and not any(one.node == workers and one.there for one in view.nodes):
        yield Trouble("workers-nowhere", nowhere(workers), False)


def nowhere(node: str) -> str:
    """What is said of a node for workers that is not there."""
    return f"cluster_workers names {node}, which is not there: no worker runs"
