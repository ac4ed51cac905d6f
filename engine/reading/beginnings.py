"""The beginning of a worker: it is fixed before the node accepts its first command.

What was accepted before is not handled, because others have dealt with it or left it alone; everything after
it is. The supervisor sees to it once, when a worker is new to a data directory.

    the event stores at that start              what is kept              who makes the cursor of it
    ----------------------------------------------------------------------------------------------------
    each has what the journal had last          the cursor                -
    one may have less: another had the last     NAME.born: the journal's  the worker, once the stores have
    command, or it was moved aside and is       last sequence             all that the journal gave
    made again from the journal
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_note, replace_note
from engine.base.errors import CorruptData, Fault
from engine.base.files import DISK
from engine.journal import last_sequence
from engine.node.data_directory import DataDirectory
from engine.reading.cursor import Cursor, Mark
from engine.reading.stores import Stores
from engine.store import Reader
from engine.wire.log import decode_parts


class _Born(msgspec.Struct, frozen=True):
    sequence: int


Agree = Callable[[str, list[Mark], list[str]], tuple[list[Mark], list[str]]]
"""From a worker and the cursor that this node proposes, the one with which it begins on any node."""


def begin_workers(
    data: DataDirectory, names: Iterable[str], agree: Agree = lambda _, next, commands: (next, commands)
) -> list[str]:
    """Fixes the beginning of every worker that is new; returns the names of those for which something was
    accepted already. Raises Fault, NoSpace; CorruptData if a cursor is damaged."""
    late: list[str] = []
    for name in names:
        stores = Stores(data)
        cursor = Cursor(data.worker(name), name, stores.partitions)
        try:
            if cursor.next or _note(data, name).exists():
                continue
            journaled = last_sequence(data.journal)
            if any(sequence < journaled for sequence in stores.sequences()):
                _write(_note(data, name), journaled)
                late.append(name)
            else:
                next, commands = agree(name, *_cursor_at(stores, stores.positions()))
                cursor.save(next, commands)
                late += [name] if any(position > 1 for position, _ in next) else []
        finally:
            cursor.close()
            stores.close()
    return late


def workers_left_behind(data: DataDirectory, names: Iterable[str]) -> list[str]:
    """Workers that were at work here and are not among these: they keep what they have, and nothing handles
    their events."""
    there = data.workers.iterdir() if data.workers.is_dir() else ()
    return sorted({folder.name for folder in there if folder.is_dir()} - set(names))


def settle_beginning(
    data: DataDirectory, name: str, settled: Callable[[], bool], wait: Callable[[], object]
) -> None:
    """Makes the cursor of a worker whose beginning was noted and is not known as positions yet. `settled`:
    the stores have all that the journal gave; `wait` is called while they have not. Raises as above."""
    note = _note(data, name)
    if not note.exists():
        return
    while not settled():
        wait()
    sequence = _read(note)
    stores = Stores(data)
    cursor = Cursor(data.worker(name), name, stores.partitions)
    try:
        if not cursor.next:
            readers = [stores.reader(partition) for partition in range(stores.partitions)]
            cursor.save(*_cursor_at(stores, [_end(reader, sequence) for reader in readers]))
        note.unlink()
    finally:
        cursor.close()
        stores.close()


def _cursor_at(stores: Stores, ends: list[int]) -> tuple[list[Mark], list[str]]:
    commands = [stores.command_at(partition, end) for partition, end in enumerate(ends)]
    return [(end + 1, 0) for end in ends], commands


def _end(reader: Reader | None, sequence: int) -> int:
    """The position of the last commit that is of a command up to this sequence."""
    for position, entry in () if reader is None else reader.entries_back():
        if 0 < decode_parts(entry).sequence <= sequence:
            return position
    return 0


def _note(data: DataDirectory, name: str) -> Path:
    return data.worker(name) / f"{name}.born"


def _write(note: Path, sequence: int) -> None:
    try:
        replace_note(note, msgspec.json.encode(_Born(sequence)) + b"\n", DISK)
    except OSError as error:
        raise Fault("the beginning of a worker cannot be written", path=note, error=error) from None


def _read(note: Path) -> int:
    try:
        return msgspec.json.decode(read_note(note), type=_Born).sequence
    except (OSError, *NOT_DECODABLE) as error:
        text = "the beginning of a worker cannot be read"
        raise CorruptData(text, path=note, error=repr(error)) from None
