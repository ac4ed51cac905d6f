"""The note of which commands the journal must keep: one sequence a partition, in `snapshots/needed.json`.

The effects of every command up to that sequence are in the partition's event store and in two of its
snapshots, or in one if the partition has not changed since. The snapshotter writes the note and the input
process reads it. The sequence is 0 while there are not two snapshots, because then every command is needed.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from engine.base.durable import write_atomically


def write_needed(data: Path, sequences: Sequence[int]) -> None:
    """Replaces the note. OSError: the old note is still there."""
    path = data / "snapshots" / "needed.json"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_atomically(path, json.dumps({"sequences": list(sequences)}) + "\n")


def read_needed(data: Path, partitions: int) -> list[int]:
    """The sequences by partition. All are 0 if no note can be read, so that nothing is removed."""
    try:
        found = json.loads((data / "snapshots" / "needed.json").read_bytes())["sequences"]
    except (OSError, ValueError, KeyError, TypeError):
        return [0] * partitions
    right = isinstance(found, list) and len(found) == partitions and all(type(n) is int for n in found)
    return found if right else [0] * partitions
