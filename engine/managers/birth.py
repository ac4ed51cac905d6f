"""The birth of a process manager: the positions up to which the log is history to it.

From events before its birth a process manager learns its state and sends nothing, since others have dealt
with them or left them alone. The supervisor writes the positions once, before the node accepts its first
command. So each event is either history or has its effects, and no rebuild runs effects again.

    data/managers/<name>/birth.json   {"positions": [n per partition]}
"""

import json
from collections.abc import Iterable
from pathlib import Path

from engine.base.durable import write_atomically
from engine.base.errors import CorruptData, Fault
from engine.store import Reader

FILE = "birth.json"


def folder_of(data: Path, name: str) -> Path:
    """The folder in which a process manager keeps its state."""
    return data / "managers" / name


def record_births(data: Path, names: Iterable[str], partitions: int, map_bytes: int = 64 << 30) -> list[str]:
    """Records the birth of every process manager that is new in a data directory; returns the names of those
    to which something is history already.

    It must be called before any command is accepted, while no process of the node has an event store open.
    CorruptData: a process manager has been at work here, and its birth is lost.
    """
    born = [name for name in names if not (folder_of(data, name) / FILE).exists()]
    if not born:
        return born
    positions = [_position(data / f"store-{p:04d}", map_bytes) for p in range(partitions)]
    for name in born:
        folder = folder_of(data, name)
        if (folder / "data.mdb").exists():
            raise CorruptData(
                "the birth of a process manager is lost, so which events are history to it is not known",
                path=folder / FILE,
                hint="restore the file; or remove the folder, and no stored event has effects",
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / FILE, json.dumps({"positions": positions}) + "\n")
        except OSError as error:
            raise Fault("a birth cannot be written", path=folder, error=error) from None
    return born if any(positions) else []


def read_birth(data: Path, name: str, partitions: int) -> list[int]:
    """The positions, one a partition, up to which the log is history. CorruptData if they are missing."""
    path = folder_of(data, name) / FILE
    try:
        positions = json.loads(path.read_bytes())["positions"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptData(
            "the birth of a process manager cannot be read", path=path, error=repr(error)
        ) from None
    is_list = isinstance(positions, list) and len(positions) == partitions
    if not is_list or any(type(position) is not int for position in positions):
        raise CorruptData("the birth of a process manager is damaged", path=path)
    birth: list[int] = positions
    return birth


def _position(store: Path, map_bytes: int) -> int:
    if not (store / "data.mdb").exists():
        return 0
    reader = Reader(store, map_bytes)
    try:
        return reader.position()
    finally:
        reader.close()
