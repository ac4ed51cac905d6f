"""Appending to an event store beside its writer: see `engine.node.foreign`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lmdb

from engine.base.errors import ConfigError, NoSpace
from engine.base.identity import aggregate_key, uuid7_hex
from engine.base.seals import seal
from engine.model.fitting import misfit
from engine.model.messages import Event
from engine.store.format import POSITION, kept_index_key, kept_word, number, tables_of, word
from engine.store.writer import Conflict
from engine.wire.commands import LONGEST_AGGREGATE_BYTES, ids_are_canonical
from engine.wire.log import encode_record


def append_to(
    env: Any,
    aggregate: str,
    events: Sequence[Event],
    *,
    version: int | None = None,
    command: str | None = None,
) -> tuple[int, int]:
    """Appends one stream entry to an open environment; returns (version, position). Raises Conflict if the
    version or the command is stored already, NoSpace where there is no room, ConfigError for an event that
    could not be read again."""
    if not events:
        raise ConfigError("an entry needs an event", aggregate=aggregate)
    for event in events:
        if why := misfit(event):
            raise ConfigError(
                "an event does not fit its class", aggregate=aggregate, event=type(event).__name__, field=why
            )
    id = command or uuid7_hex()
    if len(id) != 32 or not ids_are_canonical([id]):
        raise ConfigError("a command id is 32 lower-case hex digits", command=id)
    if not 0 < len(aggregate.encode()) <= LONGEST_AGGREGATE_BYTES:
        text = f"an aggregate's id has 1 to {LONGEST_AGGREGATE_BYTES} bytes"
        raise ConfigError(text, aggregate=aggregate)
    tables, path = tables_of(env), Path(env.path())
    try:
        with env.begin(write=True) as txn:
            key = aggregate_key(kept_index_key(txn, tables, path), aggregate)
            head = _head(txn.cursor(tables.versions), key)
            wanted = head + 1 if version is None else version
            if wanted != head + 1:
                text = "this version is not the next one"
                raise Conflict(text, aggregate=aggregate, version=wanted, head=head)
            position = kept_word(txn, tables, POSITION, path) + 1
            at, row = word(position), bytes.fromhex(id) + key
            if not txn.put(row, seal(row, at), db=tables.commands, overwrite=False):
                raise Conflict("this command is stored already", aggregate=aggregate, command=id)
            entry = (aggregate, wanted, id, 0, time.time_ns(), list(events), None)
            txn.put(at, seal(at, encode_record((position, [entry]))), db=tables.log, append=True)
            txn.put(key + word(wanted), seal(key + word(wanted), at), db=tables.versions)
            txn.put(POSITION, seal(POSITION, at), db=tables.meta)
    except (lmdb.MapFullError, lmdb.DiskError) as error:
        raise NoSpace("the event store has no room", path=path, error=error) from error
    return wanted, position


def _head(cursor: Any, key: bytes) -> int:
    """The last version of an aggregate; 0 if it has none."""
    is_inside = cursor.set_range(key + b"\xff" * 8)
    if (cursor.prev() if is_inside else cursor.last()) and cursor.key().startswith(key):
        return number(cursor.key()[len(key) :])
    return 0
