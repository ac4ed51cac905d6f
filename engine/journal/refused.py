"""The list of refused commands of a partition: journaled, but impossible to store, so no replay runs them.

refused-PPPP.json    {"commands": [[sequence, why], …]}
"""

from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_note, replace_note
from engine.base.errors import CorruptData
from engine.base.files import DISK, Files


class Refused(msgspec.Struct, frozen=True):
    """The content of the file."""

    commands: list[tuple[int, str]]


def read_refused(path: Path, files: Files = DISK) -> dict[int, str]:
    """Why each command was refused, by its sequence; empty if there is no file. CorruptData if it is
    damaged."""
    try:
        return dict(msgspec.json.decode(read_note(path, files), type=Refused).commands)
    except FileNotFoundError:
        return {}
    except NOT_DECODABLE as error:
        raise CorruptData("the list of refused commands is damaged", path=path, error=error) from None


def add_refused(path: Path, sequence: int, why: str, files: Files = DISK) -> None:
    """Adds a command, durably. Raises OSError."""
    commands = sorted((read_refused(path, files) | {sequence: why}).items())
    replace_note(path, msgspec.json.encode(Refused(commands)) + b"\n", files)
