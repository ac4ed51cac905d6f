"""The doorbell: a notice that the output process publishes for each record that it has stored.

     0        2                10               18
     ┌────────┬────────────────┬────────────────┬──────────────────────────────┐
     │ p      │ first position │ last position  │ record, JSON                 │
     │ u16    │ u64            │ u64            │ (engine.wire.log)            │     big-endian
     └────────┴────────────────┴────────────────┴──────────────────────────────┘

Any of these notices may be lost, and the same one may come twice, since the store has everything. A *beat*,
once a second, is a notice without a record: its last position is the last one stored, and its first position
is the one after that. So a reader needs no second rule for it: if it lacks what comes before the first
position, it has missed something.
"""

import struct
from typing import NamedTuple

_HEAD = struct.Struct(">HQQ")


class Notice(NamedTuple):
    """One record of a partition, and the positions of its first and last entry. The record of a beat is
    empty."""

    partition: int
    first_position: int
    last_position: int
    record: bytes


def encode_notice(partition: int, first_position: int, last_position: int, record: bytes) -> bytes:
    """The frame that rings the doorbell."""
    return _HEAD.pack(partition, first_position, last_position) + record


def encode_beat(partition: int, last_position: int) -> bytes:
    """The frame that says how far the store is."""
    return _HEAD.pack(partition, last_position + 1, last_position)


def decode_notice(frame: bytes) -> Notice:
    """What a frame of the doorbell says."""
    partition, first, last = _HEAD.unpack_from(frame)
    return Notice(partition, first, last, frame[_HEAD.size :])
