"""What cannot be stored, and which command is at fault.

    an index says that …                                          the command that …
    ---------------------------------------------------------------------------------------------------------
    another aggregate with this key has this version already      made this version is refused
    this command of this aggregate is stored already              came again is refused

Neither happens while the indexes are whole and no two aggregates have one key, and neither may stop a node,
because it would stop at each start again. The rest of what was to be stored is decided again without it.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from engine.base.identity import aggregate_key
from engine.store.format import Tables, word
from engine.wire.batches import Batch
from engine.wire.log import raw_record_decoder


class Refusal(NamedTuple):
    """A command that cannot be stored. `sequence`: of it in the journal."""

    sequence: int
    command: str
    aggregate: str
    why: str


def first_impossible(txn: Any, tables: Tables, batches: Iterable[Batch], index_key: bytes) -> Refusal | None:
    """The first command of these batches that the store has no place for; None: there is none."""
    seen: set[bytes] = set()
    for refusal, table, key in _rows(batches, index_key):
        if key in seen or txn.get(key, db=getattr(tables, table)) is not None:
            return refusal
        seen.add(key)
    return None


def _rows(batches: Iterable[Batch], index_key: bytes) -> Iterator[tuple[Refusal, str, bytes]]:
    """(what is refused if it is there, table, key) of all index rows that batches add, in their order."""
    for batch in batches:
        if not batch.commits:
            continue
        heads: dict[str, tuple[Refusal, bytes]] = {}
        for commit in raw_record_decoder.decode(batch.log).commits:
            name, key = commit.aggregate, aggregate_key(index_key, commit.aggregate)
            again = Refusal(commit.sequence, commit.command, name, "this command is stored already")
            yield again, "commands", bytes.fromhex(commit.command) + key
            taken = again._replace(why="another aggregate has the place of this one in the index")
            heads[name] = taken, key + word(commit.version)
        for refusal, row in heads.values():
            yield refusal, "versions", row
