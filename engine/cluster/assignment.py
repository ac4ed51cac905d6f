"""The assignment of partitions to nodes: rendezvous with equal shares.

Each node has a number for each partition, by hash. Partitions go, one after the other, to the node with the
highest number that has not got its share. So all who know the same nodes come to the same, and when one
leaves, little more than its own partitions move.
"""

import hashlib
from collections.abc import Iterable


def assign(partitions: int, nodes: Iterable[str]) -> list[str]:
    """The node that should own each partition; empty strings if there is no node."""
    there = sorted(set(nodes))
    if not there:
        return [""] * partitions
    share, more = divmod(partitions, len(there))
    owned = dict.fromkeys(there, 0)
    found = []
    for partition in range(partitions):
        with_more = sum(1 for count in owned.values() if count > share)
        most = share + (with_more < more)
        free = [node for node in there if owned[node] < most] or there
        best = max(free, key=lambda node: _weight(partition, node))
        owned[best] += 1
        found.append(best)
    return found


def _weight(partition: int, node: str) -> bytes:
    return hashlib.blake2b(f"{partition}\0{node}".encode(), digest_size=8).digest()
