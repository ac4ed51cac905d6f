"""The batch: the core's decisions on one section as bytes, ready to be stored and answered.

    batch     first_sequence u64 | last_sequence u64 | first_position u64 | time in ns u64 | commits u32 |
              epoch u32 | seven lengths u32: log, keys, heads, outcomes, replies, duplicates, children |
              those bytes
    log       JSON record (engine.wire.log), empty if nothing was committed
    keys      32 bytes a commit: command id (16), aggregate key (16)
    heads     24 bytes a touched aggregate: aggregate key (16), its last version (8, big-endian)
    outcomes  JSON array of answers that were not commits, to be remembered (engine.wire.answers)
    replies   (who | count | answers joined by commas) …  (engine.wire.groups)
    duplicates  JSON array of [who in base64, command id]: the store knows their answers
    children  40 bytes a command that names a causation: causation (16), command id (16), position of its
              commit (8, big-endian; 0 if it has none)

The epoch counts how often the core had to go back to what is stored, because another process had appended
to the store; batches of an older epoch must not be stored.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from engine.model.aggregates import Aggregate
from engine.wire.groups import Group, decode_groups, encode_group

BATCH = struct.Struct("<QQQQIIIIIIIII")
KEY_BYTES, HEAD_BYTES, CHILD_BYTES = 32, 24, 40
_encode = msgspec.json.Encoder().encode

Duplicate = tuple[bytes, str]
"""(who, command id)"""


class Batch(NamedTuple):
    """A decoded batch. `time_ns`: when its commands were journaled."""

    first_sequence: int
    last_sequence: int
    first_position: int
    commits: int
    log: bytes
    keys: bytes
    heads: bytes
    outcomes: bytes
    replies: bytes
    duplicates: bytes
    epoch: int = 0
    children: bytes = b""
    time_ns: int = 0

    @property
    def size(self) -> int:
        """The number of bytes that it is encoded to."""
        return BATCH.size + sum(map(len, self[4:10])) + len(self.children)

    @property
    def last_position(self) -> int:
        """The position of the last commit; below `first_position` if there is none."""
        return self.first_position + self.commits - 1


def encode_batch(batch: Batch) -> bytes:
    """The bytes of a batch."""
    return b"".join(
        (
            BATCH.pack(
                batch.first_sequence,
                batch.last_sequence,
                batch.first_position,
                batch.time_ns,
                batch.commits,
                batch.epoch,
                len(batch.log),
                len(batch.keys),
                len(batch.heads),
                len(batch.outcomes),
                len(batch.replies),
                len(batch.duplicates),
                len(batch.children),
            ),
            *batch[4:10],
            batch.children,
        )
    )


def decode_batch(record: bytes) -> Batch:
    """The batch in a ring record."""
    first, last, position, time_ns, commits, epoch, *lengths = BATCH.unpack_from(record)
    at = BATCH.size
    parts = []
    for length in lengths:
        parts.append(record[at : at + length])
        at += length
    log, keys, heads, outcomes, replies, duplicates, children = parts
    return Batch(
        first, last, position, commits, log, keys, heads, outcomes, replies, duplicates, epoch, children,
        time_ns,
    )  # fmt: skip


def encode_keys(keys: Iterable[str]) -> bytes:
    """A keys part, from hex digits."""
    return bytes.fromhex("".join(keys))


def encode_heads(aggregates: Iterable[Aggregate]) -> bytes:
    """A heads part."""
    return b"".join(
        [bytes.fromhex(one.engine_key) + one.engine_version.to_bytes(8, "big") for one in aggregates]
    )


def encode_child(causation: str, command: str, position: int) -> bytes:
    """One entry of a children part. `position`: of the command's commit; 0: it has none."""
    return bytes.fromhex(causation + command) + position.to_bytes(8, "big")


def split_part(part: bytes, size: int) -> list[bytes]:
    """The entries of a part: KEY_BYTES, HEAD_BYTES or CHILD_BYTES each."""
    return [part[at : at + size] for at in range(0, len(part), size)]


encode_reply = encode_group
"""One entry of a replies part: answers to `count` commands of one client."""


def decode_replies(replies: bytes) -> Iterator[Group]:
    """The (who, count, answers) entries of a replies part."""
    return decode_groups(replies)


def encode_duplicates(duplicates: Sequence[Duplicate]) -> bytes:
    """A duplicates part."""
    return _encode(duplicates) if duplicates else b""


_decode_duplicates = msgspec.json.Decoder(list[Duplicate]).decode


def decode_duplicates(part: bytes) -> list[Duplicate]:
    """The (who, command id) entries of a duplicates part."""
    return _decode_duplicates(part) if part else []
