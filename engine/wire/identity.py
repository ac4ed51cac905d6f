"""Ids and the two fixed hashes that data directories depend on.

Neither hash may ever change: the partition hash decides which store holds an aggregate, the
aggregate key is part of stored index keys. Python's `hash()` differs from process to process.
"""

import hashlib
import os
import time
import zlib

KEY_BYTES = 8


def uuid7_hex() -> str:
    """A new command id: UUIDv7 (RFC 9562) as 32 hex digits; time-ordered, so index inserts stay local."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return f"{number:032x}"


def aggregate_key(aggregate_id: str) -> bytes:
    """Eight bytes that stand for an aggregate in index keys.

    Readers filter what they find by the full id, so a collision costs time, never a wrong answer.
    """
    return hashlib.blake2b(aggregate_id.encode(), digest_size=KEY_BYTES).digest()


def partition_of(aggregate_id: str, partitions: int) -> int:
    """The partition, 0 ≤ p < partitions (a power of two)."""
    return zlib.crc32(aggregate_id.encode()) & (partitions - 1)
