"""Appending to a data directory from outside the node that works on it, for imports and repairs.

A running node notices the append before it stores anything else, and decides again what it had decided
without knowing of it. Its memory, its views and its process managers then contain what was appended.
"""

import os
from collections.abc import Sequence

import lmdb

from engine.base.errors import ConfigError
from engine.base.identity import partition_of
from engine.model.messages import Event
from engine.node.data_directory import DataDirectory
from engine.store.foreign import append_to, expect_named
from engine.store.format import MOST_READERS, MOST_TABLES
from engine.store.opening import FAILURES, not_opened
from engine.store.pages import expect_whole


def append_foreign(
    data: str | os.PathLike[str],
    aggregate: str,
    events: Sequence[Event],
    *,
    version: int | None = None,
    command: str | None = None,
) -> tuple[int, int]:
    """Appends one stream entry to a data directory; returns (version, position).

    `version`: the version that the entry must get; None: the next one. `command`: the id of the command whose
    effect the entry is said to be; None: a new id. Raises Conflict if the version or the command is stored
    already, NoSpace if there is no room, ConfigError if there is no store or an event does not fit its class.
    Nothing is written then.
    """
    directory = DataDirectory.at(data)
    expect_named(aggregate)
    partition = partition_of(aggregate, directory.partitions)
    if not directory.store_file(partition).is_file():
        raise ConfigError(
            "there is no event store here", path=directory.store(partition), hint="start a node on it once"
        )
    path = str(directory.store(partition))
    try:
        expect_whole(directory.store(partition))
        env = lmdb.open(path, map_size=directory.map_bytes, max_dbs=MOST_TABLES, max_readers=MOST_READERS)
    except FAILURES as error:
        raise not_opened("the event store", directory.store(partition), error) from error
    try:
        now_ns = directory.clock.now_ns()
        return append_to(env, aggregate, events, version=version, command=command, now_ns=now_ns)
    finally:
        env.close()
