"""The note of which commands the journal must keep: one sequence a partition, in `snapshots/needed.json`.

Everything at or below it is in the event store of the partition and in two snapshots of it; in one, if
the partition has stood still since. The snapshotter writes the note, the input process reads it; 0: there
are no two snapshots, so everything is needed.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from engine.base.durable import write_atomically


def write_needed(data: Path, sequences: Sequence[int]) -> None:
    """Replaces the note. OSError: the old one stands."""
    path = data / "snapshots" / "needed.json"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_atomically(path, json.dumps({"sequences": list(sequences)}) + "\n")


def read_needed(data: Path, partitions: int) -> list[int]:
    """The sequences by partition; all 0 if there is no note that can be read: then nothing is removed."""
    try:
        found = json.loads((data / "snapshots" / "needed.json").read_bytes())["sequences"]
    except (OSError, ValueError, KeyError, TypeError):
        return [0] * partitions
    right = isinstance(found, list) and len(found) == partitions and all(type(n) is int for n in found)
    return found if right else [0] * partitions
