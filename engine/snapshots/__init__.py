"""Snapshots: the aggregates of a partition at one position, so that a start need not read its whole life.

A snapshot is a convenience. Whatever is wrong with one, an older one or the event store alone gives the same
state; it only takes longer. Reading order: code (which program made it), format (the bytes), folder (which
are kept), writing, loading, standby (how the next one is made beside the core), request (asking for one now),
needed (what the journal must keep).
"""

from engine.snapshots.code import code_mark
from engine.snapshots.folder import SnapshotFile, SnapshotFolder
from engine.snapshots.format import SnapshotHeader
from engine.snapshots.loading import Snapshot, load, load_newest, verify
from engine.snapshots.standby import Standby
from engine.snapshots.writing import write

__all__ = [
    "Snapshot", "SnapshotFile", "SnapshotFolder", "SnapshotHeader", "Standby", "code_mark",
    "load", "load_newest", "verify", "write",
]  # fmt: skip
