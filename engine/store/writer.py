"""The store's only writer: one transaction and one flush for all batches that are waiting."""

from pathlib import Path
from typing import Any

import lmdb

from engine.base.errors import CorruptData, InvariantBroken, NoSpace, RingfoldError
from engine.base.files import DISK
from engine.store.commands import LocatedCommit, child_rows, find_commit, forget_children
from engine.store.format import MOST_TABLES, POSITION, SEQUENCE, number, seal, tables_of, word
from engine.wire.batches import HEAD_BYTES, KEY_BYTES, Batch, split_part


class Conflict(RingfoldError):
    """Another process has appended to the store, so what was to be stored was decided on outdated state."""


class Writer:
    """The writer of one partition's environment, which is made if it is missing. `sequence` and `position`
    are the last ones stored."""

    def __init__(self, path: Path, map_bytes: int, keep_outcomes: int = 500_000) -> None:
        self.path = path
        DISK.make_folder(path)
        try:
            # metasync=False: after a power cut the last transaction may be undone, whole; the journal
            # replays it to the same events. One flush per commit instead of two.
            self.env: Any = lmdb.open(
                str(path), map_size=map_bytes, max_dbs=MOST_TABLES, max_readers=512, metasync=False
            )
            DISK.flush_folder(path)
            self.tables = tables_of(self.env, create=True)
            with self.env.begin() as txn:
                self.sequence = number(txn.get(SEQUENCE, db=self.tables.meta))
                self.position = number(txn.get(POSITION, db=self.tables.meta))
        except lmdb.Error as error:
            raise CorruptData("the event store cannot be opened", path=path, error=error) from error
        self.env.reader_check()
        self._keep = keep_outcomes

    def commit(self, batches: list[Batch]) -> None:
        """Stores batches in order, all or nothing. NoSpace: nothing was kept, try again later. Conflict:
        nothing was kept, and the batches must be decided again.

        The position at which they were decided counts, not the last one that this writer knows, because
        either process may have been started after a foreign append and know more than the other."""
        entries: list[tuple[bytes, bytes]] = []
        heads: dict[bytes, bytes] = {}
        keys: list[tuple[bytes, bytes]] = []
        outcomes: list[tuple[bytes, bytes]] = []
        children: list[tuple[bytes, bytes]] = []
        decided_at = position = batches[0].first_position - 1
        sequence = self.sequence
        for batch in batches:
            sequence = batch.last_sequence
            if batch.first_position != position + 1:
                raise InvariantBroken(
                    "positions are not contiguous", have=position, found=batch.first_position
                )
            if batch.outcomes:
                outcomes.append((word(sequence), batch.outcomes))
            if batch.children:
                children += child_rows(batch)
            if not batch.commits:
                continue
            position += batch.commits
            at = word(position)
            entries.append((at, seal(batch.log)))
            keys += [(key, at) for key in split_part(batch.keys, KEY_BYTES)]
            heads |= dict.fromkeys(split_part(batch.heads, HEAD_BYTES), at)
        keys.sort()
        tables = self.tables
        try:
            with self.env.begin(write=True) as txn:
                have = number(txn.get(POSITION, db=tables.meta))
                if decided_at > have:
                    raise InvariantBroken(
                        "positions are not contiguous", have=have, found=batches[0].first_position
                    )
                if decided_at < have:
                    self.position = have
                    text = "another process appended to the event store"
                    raise Conflict(text, expected=decided_at, found=have)
                if entries:
                    txn.cursor(tables.log).putmulti(entries, append=True)
                    _, added = txn.cursor(tables.versions).putmulti(sorted(heads.items()), overwrite=False)
                    if added != len(heads):
                        raise InvariantBroken("a version of an aggregate is stored already", path=self.path)
                    _, added = txn.cursor(tables.commands).putmulti(keys, overwrite=False)
                    if added != len(keys):
                        raise InvariantBroken("a command of an aggregate is stored already", path=self.path)
                    txn.put(POSITION, word(position), db=tables.meta)
                if outcomes:
                    txn.cursor(tables.outcomes).putmulti(outcomes, append=True)
                    self._forget(txn, sequence)
                if children:
                    txn.cursor(tables.children).putmulti(children)
                txn.put(SEQUENCE, word(sequence), db=tables.meta)
        except (lmdb.MapFullError, lmdb.DiskError) as error:
            raise NoSpace("the event store has no room", path=self.path, error=error) from error
        self.position, self.sequence = position, sequence

    def find_command(self, id: str) -> LocatedCommit | None:
        """The commit of a command id."""
        with self.env.begin() as txn:
            return find_commit(txn, self.tables, id, self.path)

    def _forget(self, txn: Any, sequence: int) -> None:
        """Drops remembered outcomes that fell out of the window, a few at a time."""
        cursor = txn.cursor(self.tables.outcomes)
        for _ in range(16):
            if not cursor.first() or number(cursor.key()) > sequence - self._keep:
                return
            forget_children(txn, self.tables, *cursor.item())
            cursor.delete()

    def check_readers(self) -> int:
        """Frees the slots of killed readers, which would pin pages."""
        return int(self.env.reader_check())

    def close(self) -> None:
        """Makes the last meta page durable too, then closes."""
        self.env.sync(True)
        self.env.close()
