"""The list of poisoned commands of a partition: sequences in the journal that no replay runs again."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_note, replace_note
from engine.base.errors import CorruptData
from engine.base.files import DISK, Files


class Poisoned(msgspec.Struct, frozen=True):
    """The content of the file."""

    sequences: list[int]


def read_poisoned(path: Path, files: Files = DISK) -> list[int]:
    """The sequences of the poisoned commands; none if there is no file. CorruptData if it is damaged."""
    try:
        return msgspec.json.decode(read_note(path, files), type=Poisoned).sequences
    except FileNotFoundError:
        return []
    except NOT_DECODABLE as error:
        raise CorruptData("the list of poisoned commands is damaged", path=path, error=error) from None


def write_poisoned(path: Path, sequences: Sequence[int], files: Files = DISK) -> None:
    """Replaces the list, durably."""
    replace_note(path, msgspec.json.encode(Poisoned(list(sequences))) + b"\n", files)
