"""The birth of a process manager: the positions up to which the log is history to it.

From events before its birth a process manager learns its state and sends nothing, since others have dealt
with them or left them alone. The supervisor writes the positions once, before the node accepts its first
command. So each event is either history or has its effects, and no rebuild runs effects again.

    birth.json   in the folder of the process manager: {"positions": [n per partition]}
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_note, replace_note
from engine.base.errors import CorruptData, Fault
from engine.base.files import DISK, Files
from engine.node.data_directory import DataDirectory

FILE = "birth.json"


class Birth(msgspec.Struct, frozen=True):
    """The content of the file."""

    positions: list[int]


def record_births(data: DataDirectory, names: Iterable[str]) -> list[str]:
    """Records the birth of every process manager that is new in a data directory; returns the names of those
    to which something is history already.

    It must be called before any command is accepted, while no process of the node has an event store open.
    CorruptData: a process manager has been at work here, and its birth is lost.
    """
    born = [name for name in names if not (data.manager(name) / FILE).exists()]
    if not born:
        return born
    positions = [_position(data, partition) for partition in range(data.partitions)]
    for name in born:
        folder = data.manager(name)
        if (folder / "data.mdb").exists():
            raise CorruptData(
                "the birth of a process manager is lost, so which events are history to it is not known",
                path=folder / FILE,
                hint="restore the file; or remove the folder, and no stored event has effects",
            )
        try:
            write_birth(folder, positions)
        except OSError as error:
            raise Fault("a birth cannot be written", path=folder, error=error) from None
    return born if any(positions) else []


def left_behind(data: DataDirectory, names: Iterable[str]) -> list[str]:
    """Process managers that were at work here and are not among these: they keep what they had to send."""
    there = data.managers.iterdir() if data.managers.is_dir() else ()
    return sorted({folder.name for folder in there if (folder / "data.mdb").exists()} - set(names))


def write_birth(folder: Path, positions: Sequence[int], files: Files = DISK) -> None:
    """Writes down a birth, durably. Raises OSError."""
    files.make_folder(folder)
    replace_note(folder / FILE, msgspec.json.encode(Birth(list(positions))) + b"\n", files)


def read_birth(folder: Path, partitions: int, files: Files = DISK) -> list[int]:
    """The positions, one a partition, up to which the log is history. CorruptData if they are missing."""
    path = folder / FILE
    try:
        positions = msgspec.json.decode(read_note(path, files), type=Birth).positions
    except (OSError, *NOT_DECODABLE) as error:
        raise CorruptData(
            "the birth of a process manager cannot be read", path=path, error=repr(error)
        ) from None
    if len(positions) != partitions:
        raise CorruptData("the birth of a process manager is damaged", path=path)
    return positions


def _position(data: DataDirectory, partition: int) -> int:
    if not data.has_store(partition):
        return 0
    reader = data.reader(partition)
    try:
        return reader.position()
    finally:
        reader.close()
