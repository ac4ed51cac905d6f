"""The LMDB environment of a follower: its items, its dead letters and its positions, always written together.

items          the follower's own keys and values
dead-letters   partition (2) | position (8)   → the commit that could not be applied
meta           partition (2)                  → the last position applied (8) | its command id (16)

Integers are big-endian, and each value has its seal before it (`engine.base.seals`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Any

import lmdb

from engine.base.crash import crash_point
from engine.base.errors import ConfigError, CorruptData
from engine.base.files import DISK
from engine.base.seals import seal, unseal
from engine.store.format import number, word
from engine.store.opening import FAILURES, not_opened, not_written
from engine.store.pages import examine, expect_whole
from engine.store.room import prepare_lock

TABLES = ("items", "meta", "dead-letters")
MOST_READERS = 126
EXAMINE_S = 1.0  # loading takes three times as long

MOST_KEY_BYTES = 511  # of LMDB


def expect_files(folder: Path) -> None:
    """CorruptData if a follower's folder, or a file in it, is something else, or a link to nothing, which
    LMDB would follow. What is not there yet is fine."""
    files = [(folder / name, Path.is_file) for name in ("data.mdb", "lock.mdb")]
    for path, is_right in ((folder, Path.is_dir), *files):
        if not is_right(path) and (path.exists() or path.is_symlink()):
            raise CorruptData("a folder or a file was replaced by something else", path=path)


def contents(folder: Path, tables: Sequence[str] = TABLES) -> Iterator[tuple[str, bytes, bytes]]:
    """(table, key, value) of everything that is kept in a follower's folder. CorruptData names what is
    damaged. Changes nothing."""
    expect_files(folder)
    expect_whole(folder)
    try:
        with lmdb.open(str(folder), map_size=0, max_dbs=len(TABLES), readonly=True, create=False) as env:
            for name in tables:
                table = env.open_db(name.encode(), create=False)
                with env.begin() as txn:
                    for key, stored in txn.cursor(table):
                        yield name, key, unseal(key, stored, folder, name)
    except FAILURES as error:
        raise not_opened("the view", folder, error) from error


def overlaid(
    items: Iterable[tuple[bytes, bytes]], changes: Mapping[bytes, bytes | None]
) -> Iterable[tuple[bytes, bytes]]:
    """Items as they are after these changes, in key order; None: the key is gone."""
    if not changes:
        return items
    found: dict[bytes, bytes | None] = {**dict(items), **changes}
    return [(key, value) for key, value in sorted(found.items()) if value is not None]


def count_items(folder: Path) -> int:
    """Reads everything that is kept in a follower's folder; returns the number of its items."""
    return sum(name == "items" for name, _, _ in contents(folder))


def _change(txn: Any, table: Any, changes: Iterable[tuple[bytes, bytes | None]]) -> None:
    """Puts and deletes, in the order of keys: neighbours are on one page, and it is found once."""
    rows = []
    for key, value in sorted(changes, key=itemgetter(0)):
        if value is None:
            txn.delete(key, db=table)
        else:
            rows.append((key, seal(key, value)))
    txn.cursor(table).putmulti(rows)


class View:
    """One version of one view, or a process manager, on disk."""

    def __init__(self, path: Path, map_bytes: int, partitions: int) -> None:
        self.path = path
        self._env: Any = None
        try:
            expect_files(path)
            DISK.make_folder(path)
            expect_whole(path)
            with suppress(FileNotFoundError):
                examine(path, EXAMINE_S)
            prepare_lock(path, MOST_READERS)
            self._env = lmdb.open(
                str(path), map_size=map_bytes, max_dbs=len(TABLES), max_readers=MOST_READERS
            )
            DISK.flush_folder(path)
            self._items, self._meta, self._dead_letters = (
                self._env.open_db(name.encode()) for name in TABLES
            )
            with self._env.begin() as txn:
                kept = [self._kept(txn, p.to_bytes(2, "big")) for p in range(partitions)]
            self.positions = [number(one[:8]) for one in kept]
            self.commands = [one[8:].hex() for one in kept]
        except CorruptData:
            self.close()  # so that this process can open it again
            raise
        except FAILURES as error:
            self.close()
            hint = "remove data.mdb and lock.mdb in it; then it is rebuilt"
            raise not_opened("the view", path, error, hint=hint) from error

    def items(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Everything saved, or what has such keys, in key order."""
        with self._env.begin() as txn:
            cursor = txn.cursor(self._items)
            for key, value in cursor if not prefix or cursor.set_range(prefix) else ():
                if not key.startswith(prefix):
                    return
                yield key, unseal(key, value, self.path, "items")

    def dead_letters(self) -> list[tuple[bytes, bytes]]:
        """The dead letters, in key order."""
        with self._env.begin() as txn:
            return [(k, unseal(k, v, self.path, "dead-letters")) for k, v in txn.cursor(self._dead_letters)]

    def save(
        self,
        items: Iterable[tuple[bytes, bytes | None]],
        positions: list[int],
        dead_letters: Iterable[tuple[bytes, bytes | None]] = (),
        commands: Sequence[str] = (),
    ) -> None:
        """Writes changed items, changed dead letters and the positions that they belong to, all or nothing.
        `commands`: the ids of the commands at these positions, if they are known. NoSpace, or ConfigError for
        a key that no table takes: nothing was written."""
        commands = list(commands or [""] * len(positions))
        items, dead_letters = list(items), list(dead_letters)
        try:
            with self._env.begin(write=True) as txn:
                for table, changes in ((self._items, items), (self._dead_letters, dead_letters)):
                    _change(txn, table, changes)
                for p, (position, command) in enumerate(zip(positions, commands, strict=True)):
                    key, place = p.to_bytes(2, "big"), word(position) + bytes.fromhex(command)
                    txn.put(key, seal(key, place), db=self._meta)
                crash_point("view.saving")
        except lmdb.BadValsizeError:  # a `Table` refuses it earlier, so it is of a `save` of its own
            key = next(key for key, _ in (*items, *dead_letters) if not 0 < len(key) <= MOST_KEY_BYTES)
            text = f"a key that is saved has 1 to {MOST_KEY_BYTES} bytes"
            raise ConfigError(text, path=self.path, bytes=len(key), key=key[:40]) from None
        except lmdb.Error as error:
            raise not_written("the view", self.path, error) from error
        self.positions, self.commands = list(positions), commands

    def _kept(self, txn: Any, key: bytes) -> bytes:
        stored = txn.get(key, db=self._meta)
        return b"" if stored is None else unseal(key, stored, self.path, "meta")

    def close(self) -> None:
        """Closes the environment."""
        if self._env is not None:
            self._env.close()
