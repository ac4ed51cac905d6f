"""From a command's id to what is stored of it: its commit, and the commands that it led to.

A command without a commit is found among the remembered outcomes, as long as they are kept.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine.base.errors import CorruptData
from engine.base.seals import seal, unseal
from engine.model.commit import Commit
from engine.store.format import Tables, number, word
from engine.wire.answers import decode_answers
from engine.wire.batches import CHILD_BYTES, Batch, split_part
from engine.wire.log import decode_commit, outlines, take_apart

_NULL = msgspec.Raw(b"null")


class LocatedCommit(NamedTuple):
    """The commit of a command, its position, and its record: (first position, last position, JSON)."""

    commit: Commit
    position: int
    record: tuple[int, int, bytes]


class Child(NamedTuple):
    """A command that another one led to. `position`: of its commit; 0: it had none, and its answer is among
    the outcomes that are kept under `sequence`."""

    command: str
    position: int
    sequence: int


def find_commit(txn: Any, tables: Tables, id: str, path: Path) -> LocatedCommit | None:
    """The commit of a command id, if there is one."""
    prefix = bytes.fromhex(id)
    cursor = txn.cursor(tables.commands)
    if not cursor.set_range(prefix) or not cursor.key().startswith(prefix):
        return None
    key = unseal(cursor.key(), cursor.value(), path, "commands")
    record = record_at(txn, tables, key, path)
    first, entries = take_apart(record)
    needle = id.encode()
    for position, entry in enumerate(entries, first):
        if needle in bytes(entry):  # events may quote ids, so look closer
            commit = decode_commit(entry)
            if commit.command == id:
                return LocatedCommit(commit, position, (first, number(key), record))
    raise CorruptData("the command index points to a record without it", path=path, command=id)


def record_at(txn: Any, tables: Tables, at: bytes, path: Path) -> bytes:
    """The record with this key, to which an index points."""
    stored = txn.get(at, db=tables.log)
    if stored is None:
        raise CorruptData("an index points to a record that is missing", path=path, position=number(at))
    return unseal(at, stored, path, "log")


class Answerable(NamedTuple):
    """What the answer to a committed command says. `result`: encoded; None: it has none."""

    command: str
    version: int
    position: int
    result: msgspec.Raw | None


def find_answers(
    env: Any, tables: Tables, ids: Iterable[str], path: Path, beat: Callable[[], object]
) -> Iterator[Answerable]:
    """What the commits of these commands are answered with, in the order of the log.

    Each record is decoded once, however many of the commands are in it, and none is kept. `beat` is called
    after each. CorruptData if a command has no commit.
    """
    records: dict[bytes, set[str]] = {}
    with env.begin() as txn:
        cursor = txn.cursor(tables.commands)
        for id in sorted(ids):
            prefix = bytes.fromhex(id)
            if not cursor.set_range(prefix) or not cursor.key().startswith(prefix):
                text = "the command index lacks a command that was committed"
                raise CorruptData(text, path=path, command=id)
            at = unseal(cursor.key(), cursor.value(), path, "commands")
            records.setdefault(at, set()).add(id)
    for at in sorted(records):
        wanted = records.pop(at)
        with env.begin() as txn:
            record = record_at(txn, tables, at, path)
        first, commits = outlines(record)
        for position, commit in enumerate(commits, first):
            if commit.command in wanted:
                wanted.discard(commit.command)
                result = None if commit.result == _NULL else commit.result
                yield Answerable(commit.command, commit.version, position, result)
        if wanted:
            id = min(wanted)
            raise CorruptData("the command index points to a record without it", path=path, command=id)
        beat()


def child_rows(batch: Batch) -> list[tuple[bytes, bytes]]:
    """The rows of the children index that a batch adds."""
    last = word(batch.last_sequence)
    parts = ((child[:32], child[32:] + last) for child in split_part(batch.children, CHILD_BYTES))
    return [(key, seal(key, value)) for key, value in parts]


def child_of_row(key: bytes, value: bytes) -> Child:
    """What a row of the children index says."""
    return Child(bytes(key[16:]).hex(), number(value[:8]), number(value[8:]))


def forget_children(txn: Any, tables: Tables, sequence: bytes, outcomes: bytes) -> None:
    """Removes children whose answers are no longer kept: those of one row of the outcomes."""
    if b'"causation":' not in outcomes:
        return
    for answer in decode_answers(outcomes):
        if answer.causation and answer.id:
            key = bytes.fromhex(answer.causation + answer.id)
            # A command that was refused may have been sent again much later, and committed.
            if txn.get(key, db=tables.children) == seal(key, word(0) + sequence):
                txn.delete(key, db=tables.children)
