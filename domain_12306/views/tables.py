"""Remaining tables and seat maps of many runs in a few numpy arrays, changed by whole batches.

A sale of i..j inside the free gap [start, end) of its seat takes one from the remaining count R[a, b] of
exactly those journeys a..b that lie inside the gap and overlap the sale:

    start <= a < j   and   i < b <= end

which is a rectangle. So the arrays hold not R but its second difference D, where a rectangle is four
cells. A batch of sales is one `np.add.at`, whatever the number of runs, and a query computes R as a double
running sum:

    R = capacity + cumsum(cumsum(D, axis=0), axis=1)          read where a < b

D has segments + 1 rows (a) and segments + 2 columns (b). Cells with a >= b mean nothing. 16 bits are enough
although sums of D may pass 32,767 on the way: additions wrap, and an R within ±32,767 comes out right
whatever wrapped before.

The seat map is one integer per seat, a bit per sold segment. A sale adds its bits, a release subtracts
them, so this is `np.add.at` as well, and since both are sums, the order within a batch is of no
consequence. Widths of 1, 2, 4 or 8 bytes, by the number of segments: half of all trains need one byte.

A *slot* is one class of one run that was sold at least once. Others need no memory.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain_12306.views.changes import Changes, Ints

WIDTHS = (np.uint8, np.uint16, np.uint32, np.uint64)
TABLE, SEATS, SEGMENTS, CAPACITY, WIDTH = range(5)


class Arena:
    """A growing array from which blocks are cut; new blocks are zero."""

    def __init__(self, dtype: Any, columns: int = 0) -> None:
        self._tail = (columns,) if columns else ()
        self.cells = np.zeros((1 << 10, *self._tail), dtype=dtype)
        self.used = 0

    def cut(self, size: int) -> int:
        """Returns where the block starts."""
        start, self.used = self.used, self.used + size
        if self.used > len(self.cells):
            grown = np.zeros((max(self.used, len(self.cells) * 3 // 2), *self._tail), dtype=self.cells.dtype)
            grown[:start] = self.cells[:start]
            self.cells = grown
        return start


class Tables:
    """All slots, numbered from 0."""

    def __init__(self) -> None:
        self._places = Arena(np.int64, columns=5)
        self._differences = Arena(np.int16)
        self._maps = [Arena(dtype) for dtype in WIDTHS]
        self._slots_of_width: list[list[int]] = [[] for _ in WIDTHS]
        self._free: dict[tuple[int, int], list[int]] = {}  # by segments and capacity

    def __len__(self) -> int:
        return self._places.used

    def new_slot(self, segments: int, capacity: int) -> int:
        """Room for a class of a run; its number. Nothing is sold in it."""
        if free := self._free.get((segments, capacity)):
            return free.pop()
        width = 0 if segments <= 8 else 1 if segments <= 16 else 2 if segments <= 32 else 3
        table = self._differences.cut((segments + 1) * (segments + 2))
        seats = self._maps[width].cut(capacity)
        slot = self._places.cut(1)
        self._places.cells[slot] = table, seats, segments, capacity, width
        self._slots_of_width[width].append(slot)
        return slot

    def free(self, slot: int) -> None:
        """Lets another run have a slot. Everything in it must have been given back."""
        self._free.setdefault(self.shape(slot), []).append(slot)

    def shape(self, slot: int) -> tuple[int, int]:
        """(segments, capacity) of a slot."""
        place = self._places.cells[slot]
        return int(place[SEGMENTS]), int(place[CAPACITY])

    def apply(self, changes: Changes) -> None:
        """Applies any number of sales and releases on any slots."""
        slots = self._places.cells[changes.slot]
        table, seats, segments, width = (slots[:, k] for k in (TABLE, SEATS, SEGMENTS, WIDTH))
        upper = table + changes.start * (segments + 2)
        lower = table + changes.alight * (segments + 2)
        left, right = changes.board + 1, changes.end + 1
        step = changes.step.astype(np.int16)
        np.add.at(
            self._differences.cells,
            np.concatenate((upper + left, lower + right, lower + left, upper + right)),
            np.concatenate((-step, -step, step, step)),
        )
        bits = ((1 << changes.alight) - (1 << changes.board)) * changes.step
        cells = seats + changes.seat
        for number, arena in enumerate(self._maps):
            chosen = width == number
            if chosen.all():
                np.add.at(arena.cells, cells, bits.astype(arena.cells.dtype))
                return
            if chosen.any():
                np.add.at(arena.cells, cells[chosen], bits[chosen].astype(arena.cells.dtype))

    def remaining(self, slot: int, a: int, b: int) -> int:
        """Seats free over all of a..b."""
        sold = self._difference(slot)[: a + 1, : b + 1].sum(dtype=np.int16)
        return int(sold + self._places.cells[slot, CAPACITY])

    def remaining_table(self, slot: int) -> NDArray[np.int16]:
        """R[a, b], segments + 1 square; only a < b means anything."""
        sums = self._difference(slot).cumsum(axis=0, dtype=np.int16).cumsum(axis=1, dtype=np.int16)
        return (sums + np.int16(self._places.cells[slot, CAPACITY]))[:, :-1]

    def seat_map(self, slot: int) -> NDArray[Any]:
        """Sold segments of every seat, a bit each. Not a copy."""
        place = self._places.cells[slot]
        cells: NDArray[Any] = self._maps[place[WIDTH]].cells
        return cells[place[SEATS] : place[SEATS] + place[CAPACITY]]

    def stretches(self) -> Changes:
        """The shortest list of sales that leads to these tables: each stretch of sold segments as one, sold
        from left to right, which gives the same R as the sales that really happened."""
        slots: list[Ints] = []
        seats: list[Ints] = []
        taken_of: list[NDArray[np.uint64]] = []
        for arena, members in zip(self._maps, self._slots_of_width, strict=True):
            cells = np.flatnonzero(arena.cells)
            owners = np.array(members, dtype=np.int64)
            starts = self._places.cells[owners, SEATS]
            which = np.searchsorted(starts, cells, side="right") - 1
            slots.append(owners[which])
            seats.append(cells - starts[which])
            taken_of.append(arena.cells[cells].astype(np.uint64))
        return self._stretches(np.concatenate(slots), np.concatenate(seats), np.concatenate(taken_of))

    def stretches_of(self, slot: int) -> Changes:
        """The same of one slot."""
        taken = self.seat_map(slot).astype(np.uint64)
        seats = np.flatnonzero(taken)
        return self._stretches(np.full_like(seats, slot), seats, taken[seats])

    def _stretches(self, slot: Ints, seat: Ints, taken: NDArray[np.uint64]) -> Changes:
        """Those of some seats, whose sold segments are the bits of `taken`."""
        end = self._places.cells[slot, SEGMENTS]
        start, parts = np.zeros_like(slot), [Changes(*[np.zeros(0, dtype=np.int64)] * 7)]
        while len(taken):
            i = _trailing_zeros(taken)
            j = i + _trailing_zeros(~(taken >> i.astype(np.uint64)))
            parts.append(Changes(slot, seat, i, j, start, end, np.ones_like(slot)))
            taken = taken & ~((np.uint64(1) << j.astype(np.uint64)) - np.uint64(1))
            more = taken != 0
            taken, start, slot, seat, end = taken[more], j[more], slot[more], seat[more], end[more]
        return Changes(*[np.concatenate(columns) for columns in zip(*parts, strict=True)])

    def _difference(self, slot: int) -> NDArray[np.int16]:
        table, segments = self._places.cells[slot, TABLE], self._places.cells[slot, SEGMENTS]
        size = (segments + 1) * (segments + 2)
        return self._differences.cells[table : table + size].reshape(segments + 1, segments + 2)


def _trailing_zeros(words: NDArray[np.uint64]) -> Ints:
    lowest = words & (~words + np.uint64(1))
    return np.frexp(lowest.astype(np.float64))[1].astype(np.int64) - 1  # exact for powers of two
