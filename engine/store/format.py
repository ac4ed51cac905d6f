"""Tables and keys of the event store. All integers in keys are big-endian, so that order is number order.

    log       last position of the record (8)            → record (JSON, engine.wire.log)
    versions  aggregate key (16) | last version (8)       → log key of the record that reaches it (8)
    commands  command id (16) | aggregate key (16)        → log key (8)
    outcomes  last sequence of the batch (8)              → JSON array of answers that were not commits
    children  causation (16) | command id (16)            → position (8), 0 if it had no commit |
                                                            last sequence of the batch (8)
    meta      "sequence", "position"                      → the last of each (8)
              "index-key"                                → what aggregate keys are made with (16)
              "place"                                    → of a node of a cluster: how far it has followed

Each value has its seal before it (`engine.base.seals`), because LMDB's pages have no checksums.

A record is keyed by its *last* position, so that one seek finds the record that holds position p: it is the
first one at or after p. Command ids come first in their key because they are ordered by time, which keeps
inserts at the right edge of the tree. Versions are written once per aggregate and batch, not once per event.
Only commands that name a causation are among the children.
"""

from pathlib import Path
from typing import Any, NamedTuple

from engine.base.seals import unseal

SEQUENCE, POSITION, INDEX_KEY, PLACE = b"sequence", b"position", b"index-key", b"place"


class Tables(NamedTuple):
    """The tables of an open environment."""

    log: Any
    versions: Any
    commands: Any
    outcomes: Any
    children: Any
    meta: Any


MOST_TABLES, MOST_READERS = 8, 512


def tables_of(env: Any, *, create: bool = False) -> Tables:
    """Opens the tables of an environment. Raises lmdb.Error if one is missing and not to be made."""
    return Tables._make(env.open_db(name.encode(), create=create) for name in Tables._fields)


def word(number: int) -> bytes:
    """A number as a key."""
    return number.to_bytes(8, "big")


def number(word: bytes | None) -> int:
    """A key as a number; 0 for a missing one."""
    return int.from_bytes(word or b"", "big")


def kept_word(txn: Any, tables: Tables, key: bytes, path: Path) -> int:
    """A number among the meta data; 0 if it was never stored."""
    stored = txn.get(key, db=tables.meta)
    return 0 if stored is None else number(unseal(key, stored, path, "meta"))


def kept_place(txn: Any, tables: Tables, path: Path) -> bytes | None:
    """How far the store has followed the log of a cluster; None if it never did."""
    stored = txn.get(PLACE, db=tables.meta)
    return None if stored is None else unseal(PLACE, stored, path, "meta")


def kept_index_key(txn: Any, tables: Tables, path: Path) -> bytes:
    """What aggregate keys are made with; empty if it was never stored."""
    stored = txn.get(INDEX_KEY, db=tables.meta)
    return b"" if stored is None else unseal(INDEX_KEY, stored, path, "meta")
