"""Batches made by hand."""

import msgspec

from engine.base.identity import NO_INDEX_KEY, aggregate_key
from engine.model.commit import Commit
from engine.wire.batches import Batch


def batch_of(commits: list[Commit], *, first_position: int, last_sequence: int) -> Batch:
    """A batch as the core would hand it on."""
    heads = {c.aggregate: c.version for c in commits}
    return Batch(
        commits[0].sequence,
        last_sequence,
        first_position,
        len(commits),
        msgspec.json.encode((first_position, commits)),
        b"".join(bytes.fromhex(c.command) + key_of(c.aggregate) for c in commits),
        b"".join(key_of(name) + version.to_bytes(8, "big") for name, version in heads.items()),
        b"",
        b"",
        b"",
    )


def key_of(aggregate: str) -> bytes:
    """The key of an aggregate in a store that was made without an index key."""
    return aggregate_key(NO_INDEX_KEY, aggregate)


def outcome(id: str) -> bytes:
    """An answer to be remembered."""
    return msgspec.json.encode({"outcome": "unchanged", "id": id})
