"""Ids and the hashes that data directories depend on.

None of the hashes may ever change: the one for partitions decides which store holds an aggregate, the
aggregate key is part of stored index keys, and an id made from a key has to be the one that is stored.
Python's `hash()` differs from process to process.
"""

import hashlib
import os
import time
import zlib

AGGREGATE_KEY_BYTES = 16
INDEX_KEY_BYTES = 16
NO_INDEX_KEY = bytes(INDEX_KEY_BYTES)  # of what is only in memory

_FRACTIONS = [f"{number:03x}" for number in range(1 << 12)]
_DRAWN_AT_A_TIME = 512

_last = 0
_head = -1, ""  # the first 13 digits of the ids of a millisecond
_drawn: list[str] = []


def uuid7_hex() -> str:
    """A new command id: UUIDv7 (RFC 9562) as 32 hex digits, higher than the last one of this process.

    48 bits of milliseconds, 12 of their fraction (method 3 of the RFC's monotonicity), 62 random ones. Ids in
    order keep index inserts at one edge of the tree and spare the core a search for duplicates.
    """
    global _last, _head
    moment = (time.time_ns() << 12) // 1_000_000
    if moment <= _last:
        moment = _last + 1
    _last = moment
    millisecond, head = _head
    if moment >> 12 != millisecond:
        head = f"{moment >> 12:012x}7"
        _head = moment >> 12, head
    try:
        low = _drawn.pop()
    except IndexError:
        low = _draw()
    return f"{head}{_FRACTIONS[moment & 0xFFF]}{low}"


def _draw() -> str:
    """The last 16 digits of an id; more of them are drawn at the same time, because a call of the system
    takes longer than all the rest."""
    drawn = os.urandom(8 * _DRAWN_AT_A_TIME)
    text = drawn.hex()
    lows = ["89ab"[drawn[at] & 3] + text[2 * at + 1 : 2 * at + 16] for at in range(0, len(drawn), 8)]
    _drawn.extend(lows[1:])
    return lows[0]


os.register_at_fork(after_in_child=_drawn.clear)  # or both processes would make the same ids


def id_from(key: str) -> str:
    """A command id that depends on nothing but `key`: the same key gives the same command, which takes effect
    once however often a program that has no place for ids sends it.

    UUIDv8 (RFC 9562) as 32 hex digits: 48 zero bits, then a hash. It is below every id that `uuid7_hex`
    makes: it never counts as the newest one, and the core has to look for a duplicate, which is slower.
    """
    digest = hashlib.blake2b(key.encode(), digest_size=10, person=b"ringfold id").digest()
    number = int.from_bytes(digest, "big")
    high, low = number >> 68, number & (1 << 62) - 1
    return f"{0x8 << 76 | high << 64 | 0x2 << 62 | low:032x}"


def aggregate_key(index_key: bytes, aggregate_id: str) -> bytes:
    """Sixteen bytes that stand for an aggregate in the indexes of one data directory, whose `index_key` is.

    It is keyed so that two aggregates with the same one cannot be looked for from outside: of eight bytes
    without a key, a pair is found within the hour.
    """
    return hashlib.blake2b(aggregate_id.encode(), digest_size=AGGREGATE_KEY_BYTES, key=index_key).digest()


def partition_of(aggregate_id: str, partitions: int) -> int:
    """The partition, 0 ≤ p < partitions (a power of two)."""
    return zlib.crc32(aggregate_id.encode()) & (partitions - 1)
