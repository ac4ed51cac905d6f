"""An aggregate as it was at any of its versions, made from its events by the application's own appliers."""

from engine.core.archive import NoArchive
from engine.core.memory import Memory
from engine.model.aggregates import Aggregate
from engine.model.app import Engine
from engine.reading.log import EventLog, StoredCommit


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
