"""The layout of a ring's file.

    byte  line   written by
    0      0     creator    magic (last), version, capacity, boot id (2 words), CRC-32 of the words between
    128    1     producer   published cursor
    256    2     consumer   consumed cursor
    384    3     consumer   parked epoch: odd while the consumer sleeps or is about to
    512    4     producer   finished, process id
    640    5     producer   mark: two slots of (published cursor from which it holds, value)
    768    6     consumer   process id
    4096         producer   data, `capacity` bytes

Every word is 8 bytes, little-endian, aligned, and has one writer. A hot word is alone on a line of 128 bytes;
64 are not enough, because processors fetch the neighbouring cache line too.

Cursors are absolute: they count bytes since the ring was made and never wrap; `cursor % capacity` is the
offset in the data. Published minus consumed is the number of bytes in the ring.

    run       ┌───────────────┬───────────┬─────────┬────────────────────────┬─────────────────┐
              │ length   u32  │ count u16 │ lap u16 │ count · length bytes   │ 0–7 unused ones │   8-aligned
              └───────────────┴───────────┴─────────┴────────────────────────┴─────────────────┘
    padding   ┌───────────────┬───────────┬─────────┬ ─ ─ ─ ─ ─
              │ 0             │ 0         │ lap     │ unused, up to the end of the data
              └───────────────┴───────────┴─────────┴ ─ ─ ─ ─ ─

A run is one record, or several of equal length with nothing between them, which both ends can copy at once. A
record is never split; if it does not fit before the end, padding precedes it. Since everything is a multiple
of 8, there is always room for the header of the padding. The lap (the number of times the data has been gone
round, plus 1, modulo 2^16) shows a consumer that a header belongs to this lap and was not left there by an
earlier one.
"""

import zlib

LINE = 128
DATA_AT = 4096
SMALLEST_CAPACITY = 64
LARGEST_CAPACITY = 1 << 32  # a record takes at most half of it, and its length must fit into 32 bits
LONGEST_RUN = 256  # records; its unpacker is kept, at 32 bytes a record

MAGIC = int.from_bytes(b"RINGBUF\n", "little")
VERSION = 1

# Indexes of 8-byte words.
HEADER_MAGIC, HEADER_VERSION, HEADER_CAPACITY, HEADER_BOOT, HEADER_CRC = 0, 1, 2, 3, 5
PUBLISHED = 1 * LINE // 8
CONSUMED = 2 * LINE // 8
PARKED = 3 * LINE // 8
FINISHED = 4 * LINE // 8
PRODUCER_PID = FINISHED + 1
MARK = 5 * LINE // 8
CONSUMER_PID = 6 * LINE // 8

PADDING = 0
ONE = 1 << 32  # a count of one, in place
LENGTH_MASK = ONE - 1
_LAP_SHIFT = 48


def lap_tag(cursor: int, capacity: int) -> int:
    """The lap of this cursor, shifted to its bits in a header."""
    return (cursor // capacity + 1 & 0xFFFF) << _LAP_SHIFT


def framed(length: int) -> int:
    """The most bytes that a record of this length occupies, which it does as a run of its own."""
    return (length + 15) & -8


def longest_batch(capacity: int) -> int:
    """Framed bytes of the largest batch. Up to that much padding can come before it, and both must fit."""
    return capacity // 2 & -8


def longest_record(capacity: int) -> int:
    """The longest record that an empty ring takes wherever its cursors stand."""
    return longest_batch(capacity) - 8


def header_crc(words: "memoryview[int]") -> int:
    """CRC-32 of version, capacity and boot id."""
    return zlib.crc32(b"".join(words[i].to_bytes(8, "little") for i in range(HEADER_VERSION, HEADER_CRC)))
