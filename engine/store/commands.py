"""From a command's id to what is stored of it: its commit, and the commands that it led to.

A command without a commit is found among the remembered outcomes, as long as they are kept.
"""

from pathlib import Path
from typing import Any, NamedTuple

from engine.base.errors import CorruptData
from engine.model.commit import Commit
from engine.store.format import Tables, number, unseal, word
from engine.wire.answers import decode_answers
from engine.wire.batches import CHILD_BYTES, Batch, split_part
from engine.wire.log import decode_commit, take_apart


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
    key = cursor.value()
    record = unseal(txn.get(key, db=tables.log), key, str(path))
    first, entries = take_apart(record)
    needle = id.encode()
    for position, entry in enumerate(entries, first):
        if needle in bytes(entry):  # events may quote ids, so look closer
            commit = decode_commit(entry)
            if commit.command == id:
                return LocatedCommit(commit, position, (first, number(key), record))
    raise CorruptData("the command index points to a record without it", path=path, command=id)


def child_rows(batch: Batch) -> list[tuple[bytes, bytes]]:
    """The rows of the children index that a batch adds."""
    last = word(batch.last_sequence)
    return [(child[:32], child[32:] + last) for child in split_part(batch.children, CHILD_BYTES)]


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
            if txn.get(key, db=tables.children) == word(0) + sequence:
                txn.delete(key, db=tables.children)
