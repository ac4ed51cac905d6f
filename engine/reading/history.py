"""An aggregate as it was at any of its versions, made from its events by the application's own appliers."""

from collections.abc import Collection, Iterator

from engine.core.archive import NoArchive
from engine.core.memory import Memory
from engine.model.aggregates import Aggregate
from engine.model.app import Engine
from engine.reading.log import EventLog, StoredCommit


def aggregates_at(
    log: EventLog, app: Engine, id: str, versions: Collection[int]
) -> Iterator[tuple[Aggregate, StoredCommit]]:
    """(the aggregate, the entry that made it so) at each of these versions that it has, in their order, and
    at its last. It is one object, which goes on: look at it before the next one is asked for."""
    memory = Memory(app, NoArchive())
    last = None
    for entry in log.aggregate(id):
        memory.apply(entry.commit, entry.position)
        last = entry
        if entry.commit.version in versions:
            yield memory.aggregates[id], entry
    if last is not None and last.commit.version not in versions:
        yield memory.aggregates[id], last


def aggregate_at(
    log: EventLog, app: Engine, id: str, version: int | None = None
) -> tuple[Aggregate, StoredCommit] | None:
    """(the aggregate, the entry that made it so) at a version, by default its last; None if it has none such.

    `log` must know the application. Raises CorruptData if a version is missing.
    """
    memory = Memory(app, NoArchive())
    last = None
    for entry in log.aggregate(id):
        memory.apply(entry.commit, entry.position)
        last = entry
        if entry.commit.version == version:
            break
    if last is None or (version is not None and last.commit.version != version):
        return None
    return memory.aggregates[id], last
