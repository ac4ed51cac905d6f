"""Loading the newest snapshot that is whole, was made by this code and belongs to this event store.

A snapshot that fails one of these is skipped with one line to the log that says why, and the one before it is
tried. That is never an error, because without a snapshot the core reads the event store from its beginning.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.base.files import Files, OsFiles
from engine.base.log import Log
from engine.base.log_codes import Code
from engine.model.aggregates import Aggregate
from engine.model.app import Engine
from engine.snapshots.code import code_mark
from engine.snapshots.folder import SnapshotFolder
from engine.snapshots.format import (
    CHUNK_PREFIX,
    PREFIX,
    SnapshotHeader,
    chunk_digest,
    class_name,
    decode_chunk,
    decode_header,
    header_length,
)

CommandAt = Callable[[int], str]
"""Position → the id of the command whose commit the event store has there; empty if it has none."""


class Unusable(Exception):
    """Why a snapshot cannot be used."""


@dataclass(frozen=True)
class Snapshot:
    """The aggregates of a partition as they were at `position`, after all commands up to `sequence`.

    `complete`: False if aggregates that had been idle for long were left out; they are in the event store.
    `time_ns`: of the last commit. `event_types`: wire tags of all events up to `position`.
    """

    position: int
    sequence: int
    time_ns: int
    complete: bool
    path: Path
    aggregates: dict[str, Aggregate] = field(default_factory=dict)
    event_types: set[str] = field(default_factory=set)


def load_newest(
    folder: SnapshotFolder,
    app: Engine,
    upto_position: int,
    log: Log,
    *,
    command_at: CommandAt | None = None,
    beat: Callable[[], object] = lambda: None,
) -> Snapshot | None:
    """The newest usable snapshot at or below `upto_position`; None if there is none.

    `command_at` guards against an event store that was replaced by another one, such as an old copy that has
    been written to since. `beat` is called every now and then.
    """
    mark = ""
    for snapshot in folder.snapshots():
        if snapshot.position > upto_position:
            text = "a snapshot is ahead of the event store and is not used"
            log(Code.SNAPSHOT_NOT_USED, text, path=snapshot.path, store_position=upto_position)
            continue
        mark = mark or code_mark(app)
        try:
            return load(snapshot.path, app, mark, command_at=command_at, beat=beat, files=folder.files)
        except Unusable as why:
            log(Code.SNAPSHOT_NOT_USED, f"a snapshot is not used: {why}", path=snapshot.path)
    return None


def load(
    path: Path,
    app: Engine,
    mark: str,
    *,
    command_at: CommandAt | None = None,
    beat: Callable[[], object] = lambda: None,
    files: Files | None = None,
) -> Snapshot:
    """One snapshot. `mark`: the `code_mark` of the application. Raises Unusable with the reason."""
    bodies = read(path, files or OsFiles())
    header = next(bodies)
    assert isinstance(header, SnapshotHeader)
    if header.app != app.name:
        raise Unusable(f"it belongs to the application {header.app}")
    if header.code != mark:
        raise Unusable("the code that made it has changed")
    if command_at is not None and command_at(header.position) != header.command:
        raise Unusable(f"the event store has another command at position {header.position}")
    known = {class_name(cls): cls for cls in app.aggregates}
    missing = [name for name in header.classes if name not in known]
    if missing:
        raise Unusable(f"the application has no aggregate {missing[0]}")
    classes = [known[name] for name in header.classes]
    aggregates: dict[str, Aggregate] = {}
    for body in bodies:
        assert isinstance(body, bytes)
        try:
            aggregates.update({one.engine_id: one for one in decode_chunk(body, classes, beat)})
        except Exception as error:  # whatever the application's load_state raises
            raise Unusable(f"its state cannot be loaded: {error!r}") from error
    if len(aggregates) != header.aggregates:
        raise Unusable(f"it has {len(aggregates)} aggregates and should have {header.aggregates}")
    return Snapshot(
        header.position,
        header.sequence,
        header.time_ns,
        header.complete,
        path,
        aggregates,
        set(header.event_types),
    )


def verify(
    path: Path, files: Files | None = None, beat: Callable[[], object] = lambda: None
) -> SnapshotHeader:
    """Reads every byte and checks every digest. Raises Unusable."""
    bodies = read(path, files or OsFiles())
    header = next(bodies)
    assert isinstance(header, SnapshotHeader)
    for _ in bodies:
        beat()
    return header


def read_header(path: Path, files: Files | None = None) -> SnapshotHeader:
    """What a snapshot says of itself. Raises Unusable."""
    header = next(read(path, files or OsFiles()))
    assert isinstance(header, SnapshotHeader)
    return header


def read(path: Path, files: Files) -> Iterator[SnapshotHeader | bytes]:
    """The header, then the body of each chunk, each checked. Raises Unusable."""
    try:
        file = files.open(path)
    except OSError as error:
        raise Unusable(f"it cannot be opened: {error}") from error
    try:
        prefix = files.read(file, PREFIX.size, 0)
        length = header_length(prefix)
        if isinstance(length, str):
            raise Unusable(length)
        decoded = decode_header(prefix, files.read(file, length, PREFIX.size))
        if isinstance(decoded, str):
            raise Unusable(decoded)
        header, key = decoded
        yield header
        offset, size = PREFIX.size + length, files.size(file)
        for number in range(header.chunks):
            start = files.read(file, CHUNK_PREFIX.size, offset)
            if len(start) < CHUNK_PREFIX.size:
                raise Unusable(f"it ends before chunk {number}")
            length, digest = CHUNK_PREFIX.unpack(start)
            offset += CHUNK_PREFIX.size
            body = files.read(file, length, offset) if length <= size - offset else b""
            if chunk_digest(number, key, body) != digest:
                raise Unusable(f"chunk {number} at {offset} is damaged")
            offset += length
            yield body
        if offset != size:
            raise Unusable(f"there are bytes after its end at {offset}")
    except OSError as error:
        raise Unusable(f"it cannot be read: {error}") from error
    finally:
        files.close(file)
