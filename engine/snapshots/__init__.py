"""Snapshots: the aggregates of a partition at one position, so that a start need not read its whole life.

They are a convenience: whatever is wrong with one, an older one or the event store alone gives the same
state, later. Reading order: code (which program made it), format (the bytes), shelf (which are kept),
writing, loading, standby (how the next one is made beside the core).
"""

from engine.snapshots.code import code_mark
from engine.snapshots.format import Head
from engine.snapshots.loading import Snapshot, load, load_newest, verify
from engine.snapshots.shelf import Place, Shelf
from engine.snapshots.standby import Standby, commands_of
from engine.snapshots.writing import write

__all__ = [
    "Head", "Place", "Shelf", "Snapshot", "Standby", "code_mark", "commands_of", "load", "load_newest",
    "verify", "write",
]  # fmt: skip
