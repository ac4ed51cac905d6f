"""Loading: the newest snapshot that is whole, was made by this code and belongs to this event store.

One that is not is passed over with one line to the log, which says why; the one before it is next. It is
never an error: without any, the core reads the event store from its beginning.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.base.files import Files, OsFiles
from engine.model.aggregates import Aggregate
from engine.model.app import Engine
from engine.snapshots.code import code_mark
from engine.snapshots.format import (
    CHUNK_PREFIX,
    PREFIX,
    Head,
    chunk_digest,
    class_name,
    decode_chunk,
    decode_head,
    head_length,
)
from engine.snapshots.shelf import Shelf

CommandAt = Callable[[int], str]
"""The id of the command whose commit the event store has at a position; empty if there is none."""


class Unusable(Exception):
    """Why a snapshot cannot be used."""


@dataclass(frozen=True)
class Snapshot:
    """The aggregates of a partition as they were at `position`, all commands up to `sequence` taken in.

    `complete`: False if aggregates that had been idle for long are not in it; they are in the event store.
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
    data: Path,
    partition: int,
    app: Engine,
    upto_position: int,
    log: Callable[[str], None],
    *,
    command_at: CommandAt | None = None,
    beat: Callable[[], object] = lambda: None,
    files: Files | None = None,
) -> Snapshot | None:
    """The newest usable snapshot at or below `upto_position`; None if there is none.

    `command_at` guards against an event store that was replaced by another one, such as an old copy that
    went on from there. `beat` is called every now and then.
    """
    shelf = Shelf(data, partition, files)
    mark = ""
    for place in shelf.places():
        if place.position > upto_position:
            log(f"snapshot {place.path} is ahead of the event store, which ends at {upto_position}: not used")
            continue
        mark = mark or code_mark(app)
        try:
            return load(place.path, app, mark, command_at=command_at, beat=beat, files=shelf.files)
        except Unusable as why:
            log(f"snapshot {place.path} is not used: {why}")
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
    """One snapshot. `mark`: the `code_mark` of the application. Raises Unusable, which says why."""
    bodies = read(path, files or OsFiles())
    head = next(bodies)
    assert isinstance(head, Head)
    if head.app != app.name:
        raise Unusable(f"it belongs to the application {head.app}")
    if head.code != mark:
        raise Unusable("the code that made it has changed")
    if command_at is not None and command_at(head.position) != head.command:
        raise Unusable(f"the event store has another command at position {head.position}")
    known = {class_name(cls): cls for cls in app.aggregates}
    missing = [name for name in head.classes if name not in known]
    if missing:
        raise Unusable(f"the application has no aggregate {missing[0]}")
    classes = [known[name] for name in head.classes]
    aggregates: dict[str, Aggregate] = {}
    for body in bodies:
        assert isinstance(body, bytes)
        try:
            aggregates.update({one.id: one for one in decode_chunk(body, classes, beat)})
        except Exception as error:  # whatever the application's load_state raises
            raise Unusable(f"its state cannot be loaded: {error!r}") from error
    if len(aggregates) != head.aggregates:
        raise Unusable(f"it has {len(aggregates)} aggregates and should have {head.aggregates}")
    return Snapshot(
        head.position, head.sequence, head.time_ns, head.complete, path, aggregates, set(head.event_types)
    )


def verify(path: Path, files: Files | None = None, beat: Callable[[], object] = lambda: None) -> Head:
    """Reads every byte and checks every digest. Raises Unusable."""
    bodies = read(path, files or OsFiles())
    head = next(bodies)
    assert isinstance(head, Head)
    for _ in bodies:
        beat()
    return head


def read_head(path: Path, files: Files | None = None) -> Head:
    """What a snapshot says of itself. Raises Unusable."""
    head = next(read(path, files or OsFiles()))
    assert isinstance(head, Head)
    return head


def read(path: Path, files: Files) -> Iterator[Head | bytes]:
    """The head, then the body of each chunk, each checked. Raises Unusable."""
    try:
        file = files.open(path)
    except OSError as error:
        raise Unusable(f"it cannot be opened: {error}") from error
    try:
        prefix = files.read(file, PREFIX.size, 0)
        length = head_length(prefix)
        if isinstance(length, str):
            raise Unusable(length)
        found = decode_head(prefix, files.read(file, length, PREFIX.size))
        if isinstance(found, str):
            raise Unusable(found)
        head, key = found
        yield head
        offset, size = PREFIX.size + length, files.size(file)
        for number in range(head.chunks):
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
            raise Unusable(f"there are bytes behind its end at {offset}")
    except OSError as error:
        raise Unusable(f"it cannot be read: {error}") from error
    finally:
        files.close(file)
