"""Reading the event store from any process while the writer goes on. Transactions are short, because a long
one would pin pages and make the file grow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb

from engine.base.errors import CorruptData, Fault
from engine.base.identity import aggregate_key
from engine.base.seals import unseal
from engine.model.commit import Commit
from engine.store.commands import Child, LocatedCommit, child_of_row, find_commit, record_at
from engine.store.entries import Entry, Types, entries_in, entries_of
from engine.store.format import (
    MOST_READERS,
    MOST_TABLES,
    POSITION,
    SEQUENCE,
    kept_index_key,
    kept_place,
    kept_word,
    number,
    tables_of,
    word,
)
from engine.store.opening import FAILURES, not_opened
from engine.store.pages import expect_whole
from engine.store.writer import Writer
from engine.wire.answers import Received, answered_id, decode_answers, split_answers
from engine.wire.log import decode_commit, first_of, raw_record_decoder

RECORDS_PER_READ, BYTES_PER_READ = 256, 4 << 20  # whichever is reached first ends a transaction
_END = b"\xff" * 8


class Reader:
    """A read-only view of one partition's store. `map_bytes`: the most it can hold; 0: as its file says."""

    def __init__(self, path: Path, map_bytes: int = 0) -> None:
        self.path = path
        self.env: Any = None
        try:
            expect_whole(path)
            self.env = lmdb.open(
                str(path),
                map_size=map_bytes,
                max_dbs=MOST_TABLES,
                max_readers=MOST_READERS,
                readonly=True,
                create=False,
            )
            self.tables = tables_of(self.env)
            with self.env.begin() as txn:
                self.index_key = kept_index_key(txn, self.tables, path)
            if not self.index_key:
                raise lmdb.Error("it has no index key yet")
        except (*FAILURES, CorruptData) as error:
            if self.env is not None:
                self.env.close()  # a process may open it only once, and should be able to try again
            if isinstance(error, CorruptData):
                raise
            if isinstance(error, (lmdb.MemoryError, lmdb.ReadonlyError, PermissionError)):
                raise not_opened("the event store", path, error) from error
            raise Fault("the event store cannot be opened for reading", path=path, error=error) from error

    @classmethod
    def beside(cls, writer: Writer) -> "Reader":
        """A reader in the writer's process, where the environment is open already. It must not be closed."""
        reader = cls.__new__(cls)
        reader.path, reader.env, reader.tables = writer.path, writer.env, writer.tables
        reader.index_key = writer.index_key
        return reader

    def position(self) -> int:
        """The last stored position."""
        return self._meta(POSITION)

    def sequence(self) -> int:
        """W: the last command sequence whose outcome is stored."""
        return self._meta(SEQUENCE)

    def watermark(self) -> tuple[int, int]:
        """(sequence, position) of one and the same moment."""
        tables, path = self.tables, self.path
        with self.env.begin() as txn:
            return kept_word(txn, tables, SEQUENCE, path), kept_word(txn, tables, POSITION, path)

    def place(self) -> bytes | None:
        """How far the store has followed the log of a cluster (`engine.store.place`); None if it never
        did."""
        with self.env.begin() as txn:
            return kept_place(txn, self.tables, self.path)

    def _meta(self, key: bytes) -> int:
        with self.env.begin() as txn:
            return kept_word(txn, self.tables, key, self.path)

    def has_command(self, id: str) -> bool:
        """True if a commit of this command id is stored."""
        prefix = bytes.fromhex(id)
        with self.env.begin() as txn:
            cursor = txn.cursor(self.tables.commands)
            return bool(cursor.set_range(prefix) and cursor.key().startswith(prefix))

    def has_aggregate(self, aggregate: str) -> bool:
        """True if an aggregate of this name has stored commits."""
        prefix = aggregate_key(self.index_key, aggregate)
        with self.env.begin() as txn:
            cursor = txn.cursor(self.tables.versions)
            return bool(cursor.set_range(prefix) and cursor.key().startswith(prefix))

    def command_at(self, position: int) -> str:
        """The id of the command whose commit has this position; empty if there is none."""
        for at, entry in self.entries(position - 1):
            return decode_commit(entry).command if at == position else ""
        return ""

    def reach_of(self, id: str) -> int:
        """The last position of the record that has the commit of a command id; 0 if there is none."""
        prefix = bytes.fromhex(id)
        with self.env.begin() as txn:
            cursor = txn.cursor(self.tables.commands)
            if not cursor.set_range(prefix) or not cursor.key().startswith(prefix):
                return 0
            return number(unseal(cursor.key(), cursor.value(), self.path, "commands"))

    def find_command(self, id: str) -> LocatedCommit | None:
        """The commit of a command id; None: it had none."""
        with self.env.begin() as txn:
            return find_commit(txn, self.tables, id, self.path)

    def find_outcome(self, id: str, sequence: int = 0) -> Received | None:
        """The remembered answer to a command that had no commit; None: there is none, or it is no longer
        kept. `sequence`: where a `Child` says that it is; 0: all that are kept are searched, newest first."""
        needle = id.encode()
        for frame in self._outcome(sequence) if sequence else self._outcomes_back():
            if needle in frame:  # an answer may quote another id, so look closer
                for answer in decode_answers(frame):
                    if answer.id == id:
                        return answer
        return None

    def _outcome(self, sequence: int) -> list[bytes]:
        key = word(sequence)
        with self.env.begin() as txn:
            stored = txn.get(key, db=self.tables.outcomes)
        return [] if stored is None else [unseal(key, stored, self.path, "outcomes")]

    def _outcomes_back(self) -> Iterator[bytes]:
        return (frame for _, frame in self._items("outcomes", _END, back=True))

    def child(self, causation: str, id: str) -> Child | None:
        """A command that names this causation, if its outcome is stored and kept."""
        key = bytes.fromhex(causation + id)
        with self.env.begin() as txn:
            stored = txn.get(key, db=self.tables.children)
        return None if stored is None else child_of_row(key, unseal(key, stored, self.path, "children"))

    def children_of(self, id: str) -> Iterator[Child]:
        """The commands in this partition that name a command as their causation, in the order of their
        ids."""
        prefix = bytes.fromhex(id)
        for key, value in self._items("children", prefix):
            if not key.startswith(prefix):
                return
            yield child_of_row(key, value)

    def records(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """(last position, JSON record) of every record that goes beyond position `after`."""
        last = 0
        for at, record in self._items("log", word(after + 1)):
            if last and first_of(record) != last + 1:
                raise self._hole(last + 1)
            last = number(at)
            yield last, record

    def records_back(self, before: int | None = None) -> Iterator[tuple[int, bytes]]:
        """(last position, JSON record) of every record that begins below position `before`, newest first."""
        start = _END if before is None else word(max(before, 1) - 1)
        below = 0
        for at, record in self._items("log", start, back=True) if start > word(0) else ():
            last = number(at)
            if below and last + 1 != below:
                raise self._hole(last + 1)
            below = first_of(record)
            yield last, record

    def _hole(self, position: int) -> CorruptData:
        return CorruptData("a record is missing between two others", path=self.path, position=position)

    def entries(self, after: int = 0, types: Types | None = None) -> Iterator[Entry]:
        """(position, encoded commit) for every position above `after` whose commit has events of these
        types."""
        for _, record in self.records(after):
            yield from entries_in(record, after, types=types)

    def entries_back(self, before: int | None = None, types: Types | None = None) -> Iterator[Entry]:
        """(position, encoded commit) for such positions below `before`, newest first."""
        for _, record in self.records_back(before):
            yield from reversed([*entries_in(record, before=before, types=types)])

    def commits(self, after: int = 0, types: Types | None = None) -> Iterator[tuple[int, Commit]]:
        """(position, commit with events as dictionaries) for every position above `after`."""
        if types is not None:
            for position, entry in self.entries(after, types):
                yield position, decode_commit(entry)
            return
        for _, record in self.records(after):
            decoded = raw_record_decoder.decode(record)
            for position, commit in enumerate(decoded.commits, decoded.first_position):
                if position > after:
                    yield position, commit

    def last_command(self) -> str:
        """The highest id of all stored commands, in hex; empty if there is none."""
        with self.env.begin() as txn:
            cursor = txn.cursor(self.tables.commands)
            return bytes(cursor.key()[:16]).hex() if cursor.last() else ""

    def entries_of(self, aggregate: str, after_version: int = 0) -> Iterator[Entry]:
        """(position, encoded commit) of one aggregate in version order."""
        for _, record in self.records_of(aggregate, after_version=after_version):
            yield from entries_of(record, aggregate, after_version)

    def entries_of_back(self, aggregate: str, before_version: int | None = None) -> Iterator[Entry]:
        """(position, encoded commit) of one aggregate for versions below `before_version`, newest first."""
        start = _END if before_version is None else word(max(0, before_version - 1))
        for _, record in self._records_of(aggregate, start, back=True):
            yield from reversed([*entries_of(record, aggregate, before_version=before_version)])

    def stream(self, aggregate: str, after_version: int = 0) -> Iterator[Commit]:
        """The commits of one aggregate in version order, events as dictionaries."""
        for _, entry in self.entries_of(aggregate, after_version):
            yield decode_commit(entry)

    def records_of(
        self, aggregate: str, after: int = 0, *, after_version: int = 0
    ) -> Iterator[tuple[int, bytes]]:
        """(last position, JSON record) of every record that holds commits of an aggregate and reaches beyond
        position `after` and beyond version `after_version` of it."""
        beyond = self._version_beyond(aggregate, after) if after else 1
        return self._records_of(aggregate, word(max(beyond, after_version + 1)))

    def _version_beyond(self, aggregate: str, position: int) -> int:
        """The lowest version from which on an aggregate's records reach beyond a position, by bisection:
        both grow together."""
        prefix = aggregate_key(self.index_key, aggregate)
        low, high = 1, 1 << 62
        with self.env.begin() as txn:
            cursor = txn.cursor(self.tables.versions)
            while low < high:
                middle = (low + high) // 2
                below = cursor.set_range(prefix + word(middle)) and cursor.key().startswith(prefix)
                if below and number(unseal(cursor.key(), cursor.value(), self.path, "versions")) <= position:
                    low = number(cursor.key()[len(prefix) :]) + 1
                else:
                    high = middle
        return low

    def _records_of(
        self, aggregate: str, version: bytes, *, back: bool = False
    ) -> Iterator[tuple[int, bytes]]:
        """The records that hold commits of an aggregate, from the one with this version on, each whole and
        with its last position."""
        prefix = aggregate_key(self.index_key, aggregate)
        for key, at in self._items("versions", prefix + version, back=back):
            if not key.startswith(prefix):
                if back and key > prefix:
                    continue  # downwards begins at the first key that is not below
                return
            with self.env.begin() as txn:
                record = record_at(txn, self.tables, at, self.path)
            yield number(at), record

    def _items(self, table: str, start: bytes, *, back: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """(key, value) upwards from the first key at or after `start`, or downwards from that key (from the
        last one if there is none). One transaction a page."""
        done, most = False, 1  # a page grows each time: many callers want the first row only
        while True:
            page: list[tuple[bytes, bytes]] = []
            room = BYTES_PER_READ
            with self.env.begin() as txn:
                cursor = txn.cursor(getattr(self.tables, table))
                is_on_key = cursor.set_range(start) or (back and cursor.last())
                # `start` was the last one of the page before, unless it has been deleted meanwhile.
                if is_on_key and done and (cursor.key() >= start if back else cursor.key() == start):
                    is_on_key = cursor.prev() if back else cursor.next()
                if not is_on_key:
                    return
                for item in cursor.iterprev() if back else cursor.iternext():
                    page.append(item)
                    room -= len(item[1])
                    if room < 0 or len(page) == most:
                        break
            for key, stored in page:
                yield key, unseal(key, stored, self.path, table)
            if room >= 0 and len(page) < most:
                return
            start, done, most = page[-1][0], True, min(4 * most, RECORDS_PER_READ)

    def rows(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """(key, value) of every row of a table, in key order."""
        return self._items(table, b"")

    def remembered(self, upto: int, most_bytes: int = 1 << 62) -> Iterator[tuple[str, bytes]]:
        """(command id, encoded answer) of outcomes that were not commits, oldest first, up to a sequence: the
        newest `most_bytes`, at least those of one row."""
        rows: list[bytes] = []
        for key, answers in self._items("outcomes", word(upto), back=True):
            if number(key) > upto:
                continue
            rows.append(answers)
            most_bytes -= len(answers)
            if most_bytes <= 0:
                break
        while rows:
            for answer in split_answers(rows.pop()):
                yield answered_id(answer), answer

    def outcomes_since(self, sequence: int, upto: int) -> Iterator[tuple[str, bytes]]:
        """(command id, encoded answer) of outcomes that were not commits, of batches that end after a
        sequence and not after another one, in order."""
        for key, answers in self._items("outcomes", word(sequence + 1)):
            if number(key) > upto:
                return
            for answer in split_answers(answers):
                yield answered_id(answer), answer

    def close(self) -> None:
        """Closes the environment."""
        self.env.close()
