"""The scrub of an event store, which holds its log and its indexes against each other.

A seal shows that a value is damaged, but a damaged key hides its row, and a command whose row is hidden could
take effect twice. So each commit is looked up where it would be looked for:

    every commit             its row in `commands`, and in `children` if it names a causation
    aggregates of a record   rows in `versions` for their last versions there, and for those before the record
    the whole log            positions without a hole, one row in `commands` for each, the last one in `meta`
    all other rows           their seals

It begins with the newest record, and a turn is short, so that it can be done beside other work. The pages
that hold the rows are looked at in `pages`.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import lmdb

from engine.base.errors import CorruptData
from engine.base.identity import aggregate_key
from engine.base.seals import seal
from engine.store.format import POSITION, kept_word, number, word
from engine.store.reader import Reader
from engine.wire.log import Outline, outlines

RECORDS_A_TURN, ROWS_A_TURN = 8, 256


class Scrub:
    """The scrub of one store. `total`: the commits that it had at the beginning; `done`: how many of them
    were looked at; `finished`: the other rows too."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.done, self.finished = 0, False
        with reader.env.begin() as txn:
            self.total = self._expect_ends(txn)
        self._turns = self._all_turns()

    def turn(self) -> bool:
        """Does a little. False if there is no more to do. CorruptData says what is damaged, and where."""
        try:
            self.finished = next(self._turns, True)
        except lmdb.Error as error:
            raise self._damaged("the event store is damaged", error=error) from error
        return not self.finished

    def _all_turns(self) -> Iterator[bool]:
        records = self._reader.records_back(self.total + 1)
        while some := list(islice(records, RECORDS_A_TURN)):
            with self._reader.env.begin() as txn:
                for at, record in some:
                    self._expect_indexed(txn, at, record)
            yield False
        if self.done != self.total:
            raise self._damaged("the beginning of the log is missing", position=self.total - self.done)
        for table in ("commands", "versions", "outcomes", "children"):
            rows = self._reader.rows(table)  # unsealed on the way
            while sum(1 for _ in islice(rows, ROWS_A_TURN)) == ROWS_A_TURN:
                yield False

    def _expect_ends(self, txn: Any) -> int:
        """The last position, on which log, meta data and the number of commands agree."""
        tables = self._reader.tables
        position = kept_word(txn, tables, POSITION, self._reader.path)
        cursor = txn.cursor(tables.log)
        last = number(cursor.key()) if cursor.last() else 0
        if last != position:
            raise self._damaged("the log does not end at the last position", position=position, found=last)
        rows = txn.stat(tables.commands)["entries"]
        if rows != position:
            raise self._damaged("commands are missing in their index", commits=position, found=rows)
        return position

    def _expect_indexed(self, txn: Any, at: int, record: bytes) -> None:
        first, commits = outlines(record)
        if first + len(commits) != at + 1:
            raise self._damaged("a record does not end where its key says", position=at)
        heads: dict[str, tuple[bytes, int, Outline]] = {}  # key, position and commit: the last of each
        for position, commit in enumerate(commits, first):
            name, version = commit.aggregate, commit.version
            if name not in heads:
                key = aggregate_key(self._reader.index_key, name)
                if version > 1:  # the record before this one, of the same aggregate
                    self._expect_row(txn, "versions", key + word(version - 1), None, position, commit)
            else:
                key, _, before = heads[name]
                if version != before.version + 1:
                    text = "a version of an aggregate is missing"
                    raise self._damaged(text, position=position, aggregate=name)
            heads[name] = key, position, commit
            row = bytes.fromhex(commit.command) + key
            self._expect_row(txn, "commands", row, at, position, commit)
            if commit.causation is not None:
                row = bytes.fromhex(commit.causation + commit.command)
                self._expect_row(txn, "children", row, None, position, commit)
        for key, position, commit in heads.values():
            self._expect_row(txn, "versions", key + word(commit.version), at, position, commit)
        self.done += len(commits)

    def _expect_row(
        self, txn: Any, table: str, row: bytes, at: int | None, position: int, commit: Outline
    ) -> None:
        """A row is there, and points to the record at `at` if that is given."""
        stored = txn.get(row, db=getattr(self._reader.tables, table))
        if stored is None or (at is not None and stored != seal(row, word(at))):
            raise self._damaged(
                "the row of a commit is missing or damaged in an index",
                table=table,
                position=position,
                command=commit.command,
                aggregate=commit.aggregate,
            )

    def _damaged(self, text: str, **facts: Any) -> CorruptData:
        return CorruptData(text, path=self._reader.path, **facts)
