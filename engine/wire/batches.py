"""The batch: what the core decided for one section, ready to be stored and answered as bytes.

    batch     first_sequence u64 | last_sequence u64 | first_position u64 | commits u32 | epoch u32 |
              six lengths u32: log, keys, heads, outcomes, replies, duplicates | those bytes
    log       JSON record (engine.wire.log), empty if nothing was committed
    keys      24 bytes a commit: command id (16), aggregate key (8)
    heads     16 bytes a touched aggregate: aggregate key (8), its last version (8, big-endian)
    outcomes  JSON array of answers that were not commits, to be remembered
    replies   (who_length u16 | zero u16 | count u32 | body_length u32 | who | body) …
    duplicates  JSON array of [who in base64, command id]: the store knows their answers

The epoch counts how often the core had to go back to what is stored, because somebody else had appended
to the store: batches of an older epoch are not to be stored.

A reply's body is JSON answers joined by commas, without the brackets of the array.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from engine.wire.sections import GROUP

BATCH = struct.Struct("<QQQIIIIIIII")


class Batch(NamedTuple):
    """A decoded batch."""

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


def encode_batch(batch: Batch) -> bytes:
    """The bytes of a batch."""
    return b"".join(
        (
            BATCH.pack(
                batch.first_sequence,
                batch.last_sequence,
                batch.first_position,
                batch.commits,
                batch.epoch,
                len(batch.log),
                len(batch.keys),
                len(batch.heads),
                len(batch.outcomes),
                len(batch.replies),
                len(batch.duplicates),
            ),
            *batch[4:10],
        )
    )


def decode_batch(record: bytes) -> Batch:
    """The batch in a ring record."""
    first, last, position, commits, epoch, *lengths = BATCH.unpack_from(record)
    at = BATCH.size
    parts = []
    for length in lengths:
        parts.append(record[at : at + length])
        at += length
    log, keys, heads, outcomes, replies, duplicates = parts
    return Batch(first, last, position, commits, log, keys, heads, outcomes, replies, duplicates, epoch)


def encode_reply(who: bytes, count: int, body: bytes) -> bytes:
    """One entry of a replies part: answers to `count` commands of one client."""
    return b"".join((GROUP.pack(len(who), 0, count, len(body)), who, body))


def decode_replies(replies: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """The (who, count, body) entries of a replies part."""
    at, end, unpack = 0, len(replies), GROUP.unpack_from
    while at < end:
        length, _, count, body = unpack(replies, at)
        at += GROUP.size
        who = replies[at : at + length]
        at += length
        yield who, count, replies[at : at + body]
        at += body
