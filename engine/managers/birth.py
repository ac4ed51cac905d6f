"""The birth of a process manager: up to where the log is history to it.

From events before its birth a process manager learns its state and sends nothing, since others have dealt
with them or left them alone. The supervisor writes it once, before the node accepts its first command. So
each event is either history or has its effects, and no rebuild runs effects again. The nodes of a cluster
agree on it: what the first one has proposed stands for all.

    birth.json   in the folder of the process manager: {"positions": [n per partition], "sequence": n}

    positions    up to which the event stores had commits
    sequence     of the last command that the journal had. What is decided of commands up to there is history
                 too, even where it is stored after the birth, as when a store that was moved aside is made
                 again from the journal
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_note, replace_note
from engine.base.errors import CorruptData, Fault
from engine.base.files import DISK, Files
from engine.journal import last_sequence
from engine.node.data_directory import DataDirectory

FILE = "birth.json"


class Birth(msgspec.Struct, frozen=True):
    """The content of the file."""

    positions: list[int]
    sequence: int = 0

    def is_history(self, partition: int, position: int, sequence: int) -> bool:
        """True for a commit at this position, of the command with this sequence (0: it is of no command)."""
        return position <= self.positions[partition] or 0 < sequence <= self.sequence


Agree = Callable[[str, Birth], Birth]
"""From a process manager and what this node proposes or has, what stands for all nodes."""


def record_births(
    data: DataDirectory, names: Iterable[str], agree: Agree = lambda _, birth: birth
) -> list[str]:
    """Records the birth of every process manager that is new in a data directory; returns the names of those
    to which something is history already.

    It must be called before any command is accepted, while no process of the node has an event store open.
    CorruptData: a process manager has been at work here, and its birth is lost.
    """
    late: list[str] = []
    mine: Birth | None = None
    for name in names:
        folder = data.manager(name)
        if (folder / FILE).exists():
            agree(name, read_birth(folder, data.partitions))
            continue
        if (folder / "data.mdb").exists():
            raise CorruptData(
                "the birth of a process manager is lost, so which events are history to it is not known",
                path=folder / FILE,
                hint="restore the file; or remove the folder, and no stored event has effects",
            )
        mine = mine or _born_now(data)
        birth = agree(name, mine)
        try:
            write_birth(folder, birth)
        except OSError as error:
            raise Fault("a birth cannot be written", path=folder, error=error) from None
        late += [name] if any(birth.positions) or birth.sequence else []
    return late


def left_behind(data: DataDirectory, names: Iterable[str]) -> list[str]:
    """Process managers that were at work here and are not among these: they keep what they had to send."""
    there = data.managers.iterdir() if data.managers.is_dir() else ()
    return sorted({folder.name for folder in there if (folder / "data.mdb").exists()} - set(names))


def write_birth(folder: Path, birth: Birth, files: Files = DISK) -> None:
    """Writes down a birth, durably. Raises OSError."""
    files.make_folder(folder)
    replace_note(folder / FILE, msgspec.json.encode(birth) + b"\n", files)


def read_birth(folder: Path, partitions: int, files: Files = DISK) -> Birth:
    """What was written, with a position for each partition. CorruptData if it is missing."""
    path = folder / FILE
    try:
        birth = msgspec.json.decode(read_note(path, files), type=Birth)
    except (OSError, *NOT_DECODABLE) as error:
        raise CorruptData(
            "the birth of a process manager cannot be read", path=path, error=repr(error)
        ) from None
    if len(birth.positions) != partitions:
        raise CorruptData("the birth of a process manager is damaged", path=path)
    return birth


def _born_now(data: DataDirectory) -> Birth:
    positions = [_position(data, partition) for partition in range(data.partitions)]
    return Birth(positions, last_sequence(data.journal))


def _position(data: DataDirectory, partition: int) -> int:
    if not data.has_store(partition):
        return 0
    reader = data.reader(partition)
    try:
        return reader.position()
    finally:
        reader.close()
