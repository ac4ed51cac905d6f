"""The store's only writer: one transaction and one flush for all batches that are waiting."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import lmdb

from engine.base.crash import crash_point
from engine.base.errors import CorruptData, InvariantBroken, RingfoldError
from engine.base.files import DISK
from engine.base.identity import INDEX_KEY_BYTES
from engine.base.seals import seal, seal_all, unseal
from engine.store.commands import (
    Answerable,
    LocatedCommit,
    child_rows,
    find_answers,
    find_commit,
    forget_children,
)
from engine.store.format import (
    INDEX_KEY,
    MOST_READERS,
    MOST_TABLES,
    PLACE,
    POSITION,
    SEQUENCE,
    kept_index_key,
    kept_word,
    number,
    tables_of,
    word,
)
from engine.store.impossible import Refusal, first_impossible
from engine.store.opening import FAILURES, not_opened, not_written
from engine.store.pages import expect_whole
from engine.store.room import prepare_lock
from engine.wire.batches import HEAD_BYTES, KEY_BYTES, Batch, split_part


class Conflict(RingfoldError):
    """Another process has appended to the store, so what was to be stored was decided on outdated state."""


class Impossible(Conflict):
    """One command cannot be stored, so what comes after it has to be decided again without it."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__("a command cannot be stored, and is refused", **refusal._asdict())


class _Taken(Exception):
    """A row that is to be added to an index is there already; the transaction is undone."""


Row = tuple[bytes, bytes]


class _Rows:
    """What batches add to each table, sealed. `position`: of the last commit; `touched`: how many rows of
    versions there must be, if no two aggregates have one key."""

    def __init__(self, position: int) -> None:
        self.records: list[Row] = []
        self.versions: dict[bytes, bytes] = {}
        self.commands: list[Row] = []
        self.outcomes: list[Row] = []
        self.children: list[Row] = []
        self.position, self.touched = position, 0


def _rows_of(batches: list[Batch]) -> _Rows:
    rows = _Rows(batches[0].first_position - 1)
    for batch in batches:
        if batch.first_position != rows.position + 1:
            raise InvariantBroken(
                "positions are not contiguous", have=rows.position, found=batch.first_position
            )
        if batch.outcomes:
            at = word(batch.last_sequence)
            rows.outcomes.append((at, seal(at, batch.outcomes)))
        if batch.children:
            rows.children += child_rows(batch)
        if not batch.commits:
            continue
        rows.position += batch.commits
        at = word(rows.position)
        rows.records.append((at, seal(at, batch.log)))
        rows.commands += seal_all(split_part(batch.keys, KEY_BYTES), at)
        rows.versions |= seal_all(split_part(batch.heads, HEAD_BYTES), at)
        rows.touched += len(batch.heads) // HEAD_BYTES
    rows.commands.sort()
    return rows


class Writer:
    """The writer of one partition's environment, which is made if it is missing. `sequence` and `position`
    are the last ones stored. `index_key`: what a new store makes its aggregate keys with; random, if it is
    not given. CorruptData if the store was made with another one."""

    def __init__(
        self, path: Path, map_bytes: int, keep_outcomes: int = 500_000, index_key: bytes = b""
    ) -> None:
        self.path = path
        try:
            DISK.make_folder(path)
            expect_whole(path)
            prepare_lock(path, MOST_READERS)
            # metasync=False: after a power cut the last transaction may be undone, whole; the journal
            # replays it to the same events. One flush per commit instead of two.
            self.env: Any = lmdb.open(
                str(path), map_size=map_bytes, max_dbs=MOST_TABLES, max_readers=MOST_READERS, metasync=False
            )
            DISK.flush_folder(path)
            self.tables = tables_of(self.env, create=True)
            with self.env.begin(write=True) as txn:
                meta = self.tables.meta
                self.sequence = kept_word(txn, self.tables, SEQUENCE, path)
                self.position = kept_word(txn, self.tables, POSITION, path)
                fresh = seal(INDEX_KEY, index_key or os.urandom(INDEX_KEY_BYTES))
                txn.put(INDEX_KEY, fresh, db=meta, overwrite=False)
                self.index_key = kept_index_key(txn, self.tables, path)
        except FAILURES as error:
            raise not_opened("the event store", path, error) from error
        if index_key and self.index_key != index_key:
            self.env.close()
            raise CorruptData("the event store belongs to another data directory", path=path)
        self.env.reader_check()
        self._keep = keep_outcomes
        self.flush_ns = 0
        """how long the last transaction took to become durable"""

    def commit(self, batches: list[Batch], place: bytes | None = None) -> None:
        """Stores batches in order, all or nothing. NoSpace: nothing was kept, try again later. Conflict:
        nothing was kept, and the batches must be decided again; Impossible: without the command that it
        names. `place`: of a node of a cluster, how far it has followed with them.

        The position at which they were decided counts, not the last one that this writer knows, because
        either process may have been started after a foreign append and know more than the other."""
        rows = _rows_of(batches)
        decided_at, position = batches[0].first_position - 1, rows.position
        sequence = batches[-1].last_sequence
        tables = self.tables
        try:
            with self.env.begin(write=True) as txn:
                have = kept_word(txn, tables, POSITION, self.path)
                if decided_at > have:
                    raise InvariantBroken(
                        "positions are not contiguous", have=have, found=batches[0].first_position
                    )
                if decided_at < have:
                    self.position = have
                    text = "another process appended to the event store"
                    raise Conflict(text, expected=decided_at, found=have)
                if rows.records:
                    self._append(txn, tables.log, rows.records)
                    _, added = txn.cursor(tables.versions).putmulti(
                        sorted(rows.versions.items()), overwrite=False
                    )
                    if added != rows.touched:
                        raise _Taken
                    _, added = txn.cursor(tables.commands).putmulti(rows.commands, overwrite=False)
                    if added != len(rows.commands):
                        raise _Taken
                    txn.put(POSITION, seal(POSITION, word(position)), db=tables.meta)
                if rows.outcomes:
                    self._append(txn, tables.outcomes, rows.outcomes)
                    self._forget(txn, sequence)
                if rows.children:
                    txn.cursor(tables.children).putmulti(rows.children)
                if place is not None:
                    txn.put(PLACE, seal(PLACE, place), db=tables.meta)
                txn.put(SEQUENCE, seal(SEQUENCE, word(sequence)), db=tables.meta)
                crash_point("output.storing")
                ready_ns = time.perf_counter_ns()
        except _Taken:
            raise self._impossible(batches) from None
        except lmdb.Error as error:
            raise not_written("the event store", self.path, error) from error
        self.flush_ns = time.perf_counter_ns() - ready_ns
        self.position, self.sequence = position, sequence

    def move(self, place: bytes) -> None:
        """Stores how far it has followed a log, without anything new. Raises NoSpace, Fault."""
        try:
            with self.env.begin(write=True) as txn:
                txn.put(PLACE, seal(PLACE, place), db=self.tables.meta)
        except lmdb.Error as error:
            raise not_written("the event store", self.path, error) from error

    def _append(self, txn: Any, table: Any, rows: list[tuple[bytes, bytes]]) -> None:
        """Adds rows at the end of a table. LMDB would leave out, without a word, what is not beyond the last
        key."""
        _, added = txn.cursor(table).putmulti(rows, append=True)
        if added != len(rows):
            text = "the event store has rows beyond the last one that it knows of"
            raise CorruptData(text, path=self.path, first=number(rows[0][0]))

    def _impossible(self, batches: list[Batch]) -> RingfoldError:
        with self.env.begin() as txn:
            refusal = first_impossible(txn, self.tables, batches, self.index_key)
        if refusal is None:
            return CorruptData("the indexes refuse what is not in them", path=self.path)
        return Impossible(refusal)

    def find_command(self, id: str) -> LocatedCommit | None:
        """The commit of a command id."""
        with self.env.begin() as txn:
            return find_commit(txn, self.tables, id, self.path)

    def find_answers(self, ids: Iterable[str], beat: Callable[[], object]) -> Iterator[Answerable]:
        """What the commits of these commands are answered with; see `commands.find_answers`."""
        return find_answers(self.env, self.tables, ids, self.path, beat)

    def _forget(self, txn: Any, sequence: int) -> None:
        """Drops remembered outcomes that fell out of the window, a few at a time."""
        cursor = txn.cursor(self.tables.outcomes)
        for _ in range(16):
            if not cursor.first() or number(cursor.key()) > sequence - self._keep:
                return
            key, stored = cursor.item()
            forget_children(txn, self.tables, key, unseal(key, stored, self.path, "outcomes"))
            cursor.delete()

    def check_readers(self) -> int:
        """Frees the slots of killed readers, which would pin pages."""
        return int(self.env.reader_check())

    def close(self) -> None:
        """Makes the last meta page durable too, then closes."""
        self.env.sync(True)
        self.env.close()
