"""Viewing: what a node makes of the beats that it hears, for its metrics and for who looks at it."""

from collections.abc import Mapping

from engine.cluster.membership import PATIENCE_S, Beat
from engine.node.cluster_view import ClusterView, NodeSeen, PartitionSeen

FORGET_S = 3_600.0  # a node that left for good is shown for so long


class Viewing:
    """The view of one node, over time."""

    def __init__(self, name: str, node: str, partitions: int) -> None:
        self._name, self._node, self._partitions = name, node, partitions
        self._level_at: dict[str, float] = {}

    def look(self, heard: Mapping[str, tuple[float, Beat]], changes: int, now: float) -> ClusterView:
        """What is seen now. `heard`: the last beat of each node, and when that was."""
        beats = {node: one for node, one in heard.items() if now - one[0] < FORGET_S}
        highest = [
            max((beat.positions[p] for _, beat in beats.values() if p < len(beat.positions)), default=0)
            for p in range(self._partitions)
        ]
        nodes = [self._seen(node, *beats[node], highest, now) for node in sorted(beats)]
        return ClusterView(
            self._name,
            self._node,
            changes,
            nodes,
            [self._partition(p, highest[p], beats, now) for p in range(self._partitions)],
        )

    def _seen(self, node: str, at: float, beat: Beat, highest: list[int], now: float) -> NodeSeen:
        pairs = zip(highest, beat.positions, strict=False)
        lag = sum(most - mine for most, mine in pairs)
        if not lag:
            self._level_at[node] = now
        lag_s = now - self._level_at.setdefault(node, now)
        there = now - at < PATIENCE_S
        owns = sorted(beat.terms) if there else []
        return NodeSeen(
            node, beat.version, there, beat.ready, owns, beat.positions, lag, round(lag_s, 3), beat.conflicts
        )

    def _partition(
        self, partition: int, position: int, beats: Mapping[str, tuple[float, Beat]], now: float
    ) -> PartitionSeen:
        owners = [
            (beat.terms[partition], node)
            for node, (at, beat) in beats.items()
            if partition in beat.terms and now - at < PATIENCE_S
        ]
        term, owner = max(owners, default=(0, ""))
        return PartitionSeen(partition, owner, term, position)
