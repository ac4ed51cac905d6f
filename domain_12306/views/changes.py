"""Sales and releases as columns of numbers, which are applied to the seat tables and saved.

The list of changes is saved, in chunks, and not the tables. So a checkpoint costs what has happened since the
last one, whether that was on one run or on fifty thousand. Changes only add up, so they may be applied again
in any order. Once many of them have cancelled each other out, the list is written again from the tables
(`compact`).

    key    b"t" chunk number u64 big-endian
    value  slot u32 … | seat u16 … | board u8 … | alight u8 … | start u8 … | end u8 … | step i8 …
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Item = tuple[bytes, bytes | None]

CHUNK = 16_384  # changes; below it the newest chunk is written again at each checkpoint
WORTH_COMPACTING = 1_000_000  # changes, 11 MB


class Changes(NamedTuple):
    """Columns of equal length with one entry for each seat: `board..alight` inside the seat's gap
    `start..end`."""

    slot: Ints
    seat: Ints
    board: Ints
    alight: Ints
    start: Ints
    end: Ints
    step: Ints  # 1: sold, -1: given back


_DTYPES = ("<u4", "<u2", "u1", "u1", "u1", "u1", "i1")
_BYTES_A_CHANGE = 11


def join(parts: list[Changes]) -> Changes:
    """All of these changes, one after the other."""
    return Changes(*[np.concatenate(columns) for columns in zip(*parts, strict=True)])


def pack(changes: Changes) -> bytes:
    """The bytes of a chunk."""
    return b"".join([column.astype(dtype).tobytes() for column, dtype in zip(changes, _DTYPES, strict=True)])


def unpack(value: bytes) -> Changes:
    """The mirror image of `pack`."""
    count, at = len(value) // _BYTES_A_CHANGE, 0
    columns: list[Any] = []
    for dtype in _DTYPES:
        column = np.frombuffer(value, dtype=dtype, count=count, offset=at)
        at += column.nbytes
        columns.append(column.astype(np.int64))
    return Changes(*columns)


class ChangeList:
    """The saved list. All chunks but the newest are finished and no longer in memory."""

    def __init__(self) -> None:
        self.entries = 0
        self.live = 0  # entries that a compacted list would have at most: sales not given back
        self._first = 0  # number of the oldest chunk that may exist
        self._number = 0  # of the newest
        self._newest: list[Changes] = []
        self._newest_entries = 0
        self._dirty = False

    def append(self, changes: Changes) -> None:
        """Appends changes."""
        self._newest.append(changes)
        self._newest_entries += len(changes.slot)
        self._dirty = True
        self._count(changes)

    def load(self, key: bytes, value: bytes) -> Changes:
        """Loads a saved chunk and returns it. To be called in key order."""
        changes, number = unpack(value), int.from_bytes(key[1:], "big")
        if not self.entries:
            self._first = number
        self._number, self._newest, self._newest_entries = number, [changes], len(changes.slot)
        self._count(changes)
        return changes

    def save(self) -> Iterator[Item]:
        """What changed since the last call."""
        if self._dirty:
            self._dirty = False
            self._newest = [join(self._newest)]
            yield _key(self._number), pack(self._newest[0])
        if self._newest_entries >= CHUNK:
            self._number += 1
            self._newest, self._newest_entries = [], 0

    @property
    def wants_compacting(self) -> bool:
        """True when most of the list has cancelled itself out."""
        return self.entries > WORTH_COMPACTING + 2 * self.live

    def compact(self, changes: Changes) -> Iterator[Item]:
        """Replaces everything so far by these changes. That costs `live` entries, after at least as many
        others."""
        for number in range(self._first, self._number + 1):
            yield _key(number), None
        self._first = self._number = self._number + 1
        self.entries = self.live = 0
        self._newest, self._newest_entries, self._dirty = [], 0, False
        for at in range(0, len(changes.slot), CHUNK):
            self.append(Changes(*[column[at : at + CHUNK] for column in changes]))
            yield from self.save()

    def _count(self, changes: Changes) -> None:
        self.entries += len(changes.slot)
        self.live += int(changes.step.sum())


def _key(number: int) -> bytes:
    return b"t" + number.to_bytes(8, "big")
