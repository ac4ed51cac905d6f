"""The store's only writer: one transaction and one flush for all batches that are waiting."""

from pathlib import Path
from typing import Any, NamedTuple

import lmdb

from engine.base.errors import CorruptData, InvariantBroken, NoSpace, RingfoldError
from engine.base.files import DISK
from engine.model.commit import Commit
from engine.store.format import POSITION, SEQUENCE, TABLES, number, seal, unseal, word
from engine.wire.batches import HEAD_BYTES, KEY_BYTES, Batch, split_part
from engine.wire.log import decode_commit, take_apart


class Conflict(RingfoldError):
    """Another process has appended to the store, so what was to be stored was decided on outdated state."""


class LocatedCommit(NamedTuple):
    """A stored commit, its position, and its record: (first position, last position, JSON)."""

    commit: Commit
    position: int
    record: tuple[int, int, bytes]


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
                str(path), map_size=map_bytes, max_dbs=8, max_readers=512, metasync=False
            )
            DISK.flush_folder(path)
            self.log, self.versions, self.commands, self.outcomes, self.meta = (
                self.env.open_db(name) for name in TABLES
            )
            with self.env.begin() as txn:
                self.sequence = number(txn.get(SEQUENCE, db=self.meta))
                self.position = number(txn.get(POSITION, db=self.meta))
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
            if not batch.commits:
                continue
            position += batch.commits
            at = word(position)
            entries.append((at, seal(batch.log)))
            keys += [(key, at) for key in split_part(batch.keys, KEY_BYTES)]
            heads |= dict.fromkeys(split_part(batch.heads, HEAD_BYTES), at)
        keys.sort()
        try:
            with self.env.begin(write=True) as txn:
                have = number(txn.get(POSITION, db=self.meta))
                if decided_at > have:
                    raise InvariantBroken(
                        "positions are not contiguous", have=have, found=batches[0].first_position
                    )
                if decided_at < have:
                    self.position = have
                    text = "another process appended to the event store"
                    raise Conflict(text, expected=decided_at, found=have)
                if entries:
                    txn.cursor(self.log).putmulti(entries, append=True)
                    _, added = txn.cursor(self.versions).putmulti(sorted(heads.items()), overwrite=False)
                    if added != len(heads):
                        raise InvariantBroken("a version of an aggregate is stored already", path=self.path)
                    _, added = txn.cursor(self.commands).putmulti(keys, overwrite=False)
                    if added != len(keys):
                        raise InvariantBroken("a command of an aggregate is stored already", path=self.path)
                    txn.put(POSITION, word(position), db=self.meta)
                if outcomes:
                    txn.cursor(self.outcomes).putmulti(outcomes, append=True)
                    self._forget(txn, sequence)
                txn.put(SEQUENCE, word(sequence), db=self.meta)
        except (lmdb.MapFullError, lmdb.DiskError) as error:
            raise NoSpace("the event store has no room", path=self.path, error=error) from error
        self.position, self.sequence = position, sequence

    def find_command(self, id: str) -> LocatedCommit | None:
        """The commit of a command id."""
        prefix = bytes.fromhex(id)
        with self.env.begin() as txn:
            cursor = txn.cursor(self.commands)
            if not cursor.set_range(prefix) or not cursor.key().startswith(prefix):
                return None
            key = cursor.value()
            record = unseal(txn.get(key, db=self.log), key, str(self.path))
        first, entries = take_apart(record)
        name = id.encode()
        for position, entry in enumerate(entries, first):
            if name in bytes(entry):  # events may quote ids, so look closer
                commit = decode_commit(entry)
                if commit.command == id:
                    return LocatedCommit(commit, position, (first, number(key), record))
        raise CorruptData("the command index points to a record without it", path=self.path, command=id)

    def _forget(self, txn: Any, sequence: int) -> None:
        """Drops remembered outcomes that fell out of the window, a few at a time."""
        cursor = txn.cursor(self.outcomes)
        for _ in range(16):
            if not cursor.first() or number(cursor.key()) > sequence - self._keep:
                return
            cursor.delete()

    def check_readers(self) -> int:
        """Frees the slots of killed readers, which would pin pages."""
        return int(self.env.reader_check())

    def close(self) -> None:
        """Makes the last meta page durable too, then closes."""
        self.env.sync(True)
        self.env.close()
