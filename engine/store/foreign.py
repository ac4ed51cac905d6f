"""Appending to an event store beside its writer: see `engine.node.foreign`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lmdb

from engine.base.errors import ConfigError, CorruptData
from engine.base.identity import aggregate_key, uuid7_hex
from engine.base.seals import seal, unseal
from engine.model.fitting import is_text, misfit
from engine.model.messages import ApplicationMessage, Event
from engine.store.commands import record_at
from engine.store.entries import entries_of
from engine.store.format import (
    POSITION,
    Tables,
    kept_index_key,
    kept_place,
    kept_word,
    number,
    tables_of,
    word,
)
from engine.store.opening import not_written
from engine.store.writer import Conflict
from engine.wire.commands import LONGEST_AGGREGATE_BYTES, horizon_of, ids_are_canonical
from engine.wire.log import encode_record


def append_to(
    env: Any,
    aggregate: str,
    events: Sequence[Event],
    *,
    version: int | None = None,
    command: str | None = None,
    now_ns: int | None = None,
) -> tuple[int, int]:
    """Appends one stream entry to an open environment; returns (version, position). `now_ns`: by the clock of
    the node; the system's if none is given. Raises Conflict if the
    version or the command is stored already, NoSpace where there is no room, ConfigError for what no client
    could send and for an event that could not be read again, CorruptData for a damaged index."""
    id, system_ns = command or uuid7_hex(), time.time_ns()
    now_ns = system_ns if now_ns is None else now_ns
    expect_named(aggregate)
    _expect_id(id, max(now_ns, system_ns))
    _expect_readable(aggregate, events)
    tables, path = tables_of(env), Path(env.path())
    try:
        with env.begin(write=True) as txn:
            if kept_place(txn, tables, path) is not None:
                text = "this event store follows the log of a cluster, and takes nothing beside it"
                raise ConfigError(text, path=path, hint="send a command to any of its nodes")
            key = aggregate_key(kept_index_key(txn, tables, path), aggregate)
            head = _head(txn, tables, key, aggregate, path)
            if not head and all(isinstance(event, ApplicationMessage) for event in events):
                text = "an application message alone cannot begin an aggregate"
                raise ConfigError(text, aggregate=aggregate)
            wanted = head + 1 if version is None else version
            if wanted != head + 1:
                text = "this version is not the next one"
                raise Conflict(text, aggregate=aggregate, version=wanted, head=head)
            position = kept_word(txn, tables, POSITION, path) + 1
            at, row = word(position), bytes.fromhex(id) + key
            if not txn.put(row, seal(row, at), db=tables.commands, overwrite=False):
                raise Conflict("this command is stored already", aggregate=aggregate, command=id)
            entry = (aggregate, wanted, id, 0, now_ns, list(events), None)
            record = seal(at, encode_record((position, [entry])))
            if not txn.put(at, record, db=tables.log, append=True):
                text = "the event store has rows beyond the last one that it knows of"
                raise CorruptData(text, path=path, first=position)
            txn.put(key + word(wanted), seal(key + word(wanted), at), db=tables.versions)
            txn.put(POSITION, seal(POSITION, at), db=tables.meta)
    except lmdb.Error as error:
        raise not_written("the event store", path, error) from error
    return wanted, position


def _expect_readable(aggregate: str, events: Sequence[Event]) -> None:
    if not events:
        raise ConfigError("an entry needs an event", aggregate=aggregate)
    for event in events:
        if why := misfit(event):
            raise ConfigError(
                "an event does not fit its class", aggregate=aggregate, event=type(event).__name__, field=why
            )


def expect_named(aggregate: str) -> None:
    """ConfigError unless an aggregate can have this id."""
    if not is_text(aggregate) or not 0 < len(aggregate.encode()) <= LONGEST_AGGREGATE_BYTES:
        text = f"an aggregate's id is a text of 1 to {LONGEST_AGGREGATE_BYTES} bytes"
        raise ConfigError(text, aggregate=ascii(aggregate))


def _expect_id(id: str, now_ns: int) -> None:
    """A command could have had this id at this time."""
    if len(id) != 32 or not ids_are_canonical([id]):
        raise ConfigError("a command id is 32 lower-case hex digits", command=ascii(id))
    if id > horizon_of(now_ns):
        raise ConfigError("the id is of a time that is more than an hour ahead", command=id)


def _head(txn: Any, tables: Tables, key: bytes, aggregate: str, path: Path) -> int:
    """The last version of an aggregate; 0 if it has none."""
    cursor = txn.cursor(tables.versions)
    is_inside = cursor.set_range(key + b"\xff" * 8)
    if not (cursor.prev() if is_inside else cursor.last()) or not cursor.key().startswith(key):
        return 0
    version = number(cursor.key()[len(key) :])
    record = record_at(txn, tables, unseal(cursor.key(), cursor.value(), path, "versions"), path)
    if not any(True for _ in entries_of(record, aggregate, version - 1, version + 1)):
        raise CorruptData("the version index points to a record without it", path=path, aggregate=aggregate)
    return version
