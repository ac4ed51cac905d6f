"""Reading the event store, from any process, while the writer goes on. Short transactions only:
a long one would pin pages and make the file grow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb
import msgspec

from engine.operate.errors import CorruptData, Fault
from engine.store.format import POSITION, SEQUENCE, TABLES, number, unseal, word
from engine.wire.identity import aggregate_key
from engine.wire.log import Commit, raw_record_decoder

RECORDS_PER_READ = 256


class Reader:
    """A read-only view of one partition's store."""

    def __init__(self, path: Path, map_bytes: int = 64 << 30) -> None:
        self.path = path
        try:
            self.env: Any = lmdb.open(
                str(path), map_size=map_bytes, max_dbs=8, max_readers=512, readonly=True, create=False
            )
            self.log, self.versions, self.commands, self.outcomes, self.meta = (
                self.env.open_db(name, create=False) for name in TABLES
            )
        except lmdb.Error as error:
            raise Fault("the event store cannot be opened for reading", path=path, error=error) from error

    def position(self) -> int:
        """The last stored position."""
        return self._meta(POSITION)

    def sequence(self) -> int:
        """W: the last command sequence whose outcome is stored."""
        return self._meta(SEQUENCE)

    def watermark(self) -> tuple[int, int]:
        """(sequence, position) of one and the same moment."""
        with self.env.begin() as txn:
            return number(txn.get(SEQUENCE, db=self.meta)), number(txn.get(POSITION, db=self.meta))

    def _meta(self, key: bytes) -> int:
        with self.env.begin() as txn:
            return number(txn.get(key, db=self.meta))

    def has_command(self, id: str) -> bool:
        """True if a commit of this command id is stored."""
        prefix = bytes.fromhex(id)
        with self.env.begin() as txn:
            cursor = txn.cursor(self.commands)
            return bool(cursor.set_range(prefix) and cursor.key().startswith(prefix))

    def records(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """(last position, JSON record) of every record that reaches beyond position `after`."""
        key = word(after + 1)
        while True:
            found: list[tuple[int, bytes]] = []
            with self.env.begin() as txn:
                cursor = txn.cursor(self.log)
                if cursor.set_range(key):
                    for at, value in cursor:
                        found.append((number(at), unseal(value, at, str(self.path))))
                        if len(found) == RECORDS_PER_READ:
                            break
            yield from found
            if len(found) < RECORDS_PER_READ:
                return
            key = word(found[-1][0] + 1)

    def commits(self, after: int = 0) -> Iterator[tuple[int, Commit]]:
        """(position, commit with events as dictionaries) for every position beyond `after`."""
        for _, record in self.records(after):
            decoded = raw_record_decoder.decode(record)
            for k, commit in enumerate(decoded.commits):
                if decoded.first_position + k > after:
                    yield decoded.first_position + k, commit

    def last_command(self) -> str:
        """The highest id of all stored commands, in hex; empty if there is none."""
        with self.env.begin() as txn:
            cursor = txn.cursor(self.commands)
            return bytes(cursor.key()[:16]).hex() if cursor.last() else ""

    def records_of(self, aggregate: str, after_version: int = 0) -> Iterator[bytes]:
        """The records that hold commits of an aggregate beyond a version, in version order, each whole."""
        prefix = aggregate_key(aggregate)
        with self.env.begin() as txn:
            cursor = txn.cursor(self.versions)
            keys: list[bytes] = []
            if cursor.set_range(prefix + word(after_version + 1)):
                for key, at in cursor:
                    if not key.startswith(prefix):
                        break
                    keys.append(at)
        for key in keys:
            with self.env.begin() as txn:
                value = txn.get(key, db=self.log)
            if value is None:
                raise CorruptData("the version index points to a missing record", position=number(key))
            yield unseal(value, key, str(self.path))

    def stream(self, aggregate: str, after_version: int = 0) -> Iterator[Commit]:
        """The commits of one aggregate in version order."""
        for record in self.records_of(aggregate, after_version):
            for commit in raw_record_decoder.decode(record).commits:
                if commit.aggregate == aggregate and commit.version > after_version:
                    yield commit

    def remembered(self, upto: int) -> Iterator[tuple[str, bytes]]:
        """(command id, encoded answer) of outcomes that were not commits, oldest first, up to a sequence."""
        with self.env.begin() as txn:
            values = [value for key, value in txn.cursor(self.outcomes) if number(key) <= upto]
        for value in values:
            for raw in _decode_raws(value):
                yield _decode_id(raw).id, bytes(raw)

    def close(self) -> None:
        """Closes the environment."""
        self.env.close()


class _Answer(msgspec.Struct):
    id: str


_decode_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_id = msgspec.json.Decoder(_Answer).decode
