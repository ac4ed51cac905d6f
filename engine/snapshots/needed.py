"""The note of which commands the journal must keep: one sequence a partition.

The effects of every command up to that sequence are in the partition's event store and in two of its
snapshots, or in one if the partition has not changed since. The snapshotter writes the note and the input
process reads it. The sequence is 0 while there are not two snapshots, because then every command is needed.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_note, replace_note
from engine.base.files import DISK, Files


class Needed(msgspec.Struct, frozen=True):
    """The content of the note."""

    sequences: list[int]


def write_needed(path: Path, sequences: Sequence[int], files: Files = DISK) -> None:
    """Replaces the note. OSError: the old note is still there, or the new one is."""
    files.make_folder(path.parent)
    replace_note(path, msgspec.json.encode(Needed(list(sequences))) + b"\n", files)


def read_needed(path: Path, partitions: int, files: Files = DISK) -> list[int]:
    """The sequences by partition. All are 0 if no note can be read, so that nothing is removed."""
    try:
        needed = msgspec.json.decode(read_note(path, files), type=Needed).sequences
    except (OSError, *NOT_DECODABLE):
        return [0] * partitions
    return needed if len(needed) == partitions else [0] * partitions
