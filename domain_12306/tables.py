"""Remaining tables and seat maps of many runs in a few numpy arrays, changed by whole batches.

A sale of i..j inside the free gap [start, end) of its seat takes one from the remaining count R[a, b] of
exactly those journeys a..b that lie inside the gap and overlap the sale:

    start <= a < j   and   i < b <= end

which is a rectangle. So what is stored is not R but its second difference D, where a rectangle is four
cells; a batch of sales is one `np.add.at`, whatever the number of runs, and R is a double running sum when
somebody asks:

    R = capacity + cumsum(cumsum(D, axis=0), axis=1)          read where a < b

D has segments + 1 rows (a) and segments + 2 columns (b) per class. Cells with a >= b mean nothing. 16 bits
are enough although sums of D may pass 32,767 on the way: additions wrap, and an R within ±32,767 comes out
right whatever wrapped before.

The seat map is one integer per seat, a bit per sold segment. A sale adds its bits, a release subtracts
them, and no bit is ever added twice, so this is `np.add.at` as well. Widths of 1, 2, 4 or 8 bytes, by the
number of segments: half of all trains need one byte a seat.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain_12306.plan import Plan

Ints = NDArray[np.int64]
WIDTHS = (np.uint8, np.uint16, np.uint32, np.uint64)


class Arena:
    """A growing array from which blocks are cut; new blocks are zero."""

    def __init__(self, dtype: Any) -> None:
        self.cells = np.zeros(1 << 12, dtype=dtype)
        self.used = 0

    def cut(self, size: int) -> int:
        """Returns where the block starts."""
        start, self.used = self.used, self.used + size
        if self.used > len(self.cells):
            grown = np.zeros(max(self.used, len(self.cells) * 3 // 2), dtype=self.cells.dtype)
            grown[:start] = self.cells[:start]
            self.cells = grown
        return start


class Block:
    """Where a touched run has its tables and its seats. One per run with a sale."""

    __slots__ = ("aggregate", "number", "plan", "seats", "table", "width")

    def __init__(self, aggregate: str, plan: Plan, number: int, table: int, seats: int, width: int) -> None:
        self.aggregate, self.plan, self.number = aggregate, plan, number
        self.table, self.seats, self.width = table, seats, width


class Tables:
    """All touched runs."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._differences = Arena(np.int16)
        self._maps = [Arena(dtype) for dtype in WIDTHS]

    def new_block(self, aggregate: str, plan: Plan) -> Block:
        n = plan.segments
        width = 0 if n <= 8 else 1 if n <= 16 else 2 if n <= 32 else 3
        table = self._differences.cut(len(plan.classes) * (n + 1) * (n + 2))
        seats = self._maps[width].cut(plan.seats)
        block = Block(aggregate, plan, len(self.blocks), table, seats, width)
        self.blocks.append(block)
        return block

    def count(
        self, tables: Ints, segments: Ints, start: Ints, end: Ints, i: Ints, j: Ints, step: int
    ) -> None:
        """Subtracts `step` from the journeys of a batch: equally long arrays, an entry per seat sold."""
        stride = segments + 2
        upper, lower = tables + start * stride, tables + j * stride
        cells = self._differences.cells
        np.add.at(cells, np.concatenate((upper + i + 1, lower + end + 1)), np.int16(-step))
        np.add.at(cells, np.concatenate((lower + i + 1, upper + end + 1)), np.int16(step))

    def occupy(self, widths: Ints, seats: Ints, i: Ints, j: Ints, step: int) -> None:
        """Marks (step 1) or clears (-1) the segments i..j of a batch of seats."""
        one = np.uint64(1)
        bits = (one << j.astype(np.uint64)) - (one << i.astype(np.uint64))
        for width, arena in enumerate(self._maps):
            chosen = widths == width
            if chosen.any():
                change = np.add if step > 0 else np.subtract
                change.at(arena.cells, seats[chosen], bits[chosen].astype(arena.cells.dtype))

    def remaining_table(self, block: Block, seat_class: str) -> NDArray[np.int16]:
        """R[a, b], segments + 1 square; only a < b means anything."""
        n, plan = block.plan.segments, block.plan
        size = (n + 1) * (n + 2)
        at = block.table + plan.number[seat_class] * size
        differences = self._differences.cells[at : at + size].reshape(n + 1, n + 2)
        sums = differences.cumsum(axis=0, dtype=np.int16).cumsum(axis=1, dtype=np.int16)
        return (sums + np.int16(plan.classes[seat_class]))[:, :-1]

    def remaining(self, block: Block, a: int, b: int) -> dict[str, int]:
        """Class code → seats free over a..b."""
        n, plan = block.plan.segments, block.plan
        size = len(plan.classes) * (n + 1) * (n + 2)
        differences = self._differences.cells[block.table : block.table + size].reshape(-1, n + 1, n + 2)
        sums = differences[:, : a + 1, : b + 1].sum(axis=(1, 2), dtype=np.int16)
        return {code: seats + int(sums[k]) for k, (code, seats) in enumerate(plan.classes.items())}

    def seat_map(self, block: Block) -> NDArray[Any]:
        """Sold segments of every seat, counted through the classes in the plan's order. Not a copy."""
        return self._maps[block.width].cells[block.seats : block.seats + block.plan.seats]

    def rebuild(self, blocks: list[Block], counts: list[int], seats: Ints, taken: NDArray[np.uint64]) -> None:
        """Fills empty blocks from saved seat maps: `counts[k]` entries of `seats` and `taken` are of block k.

        Each stretch of sold segments counts as one sale made from left to right, which gives the same R as
        the sales that really happened.
        """

        def spread(values: list[int]) -> Ints:
            return np.repeat(np.array(values, dtype=np.int64), counts)

        tables, segments = spread([b.table for b in blocks]), spread([b.plan.segments for b in blocks])
        widths, bases = spread([b.width for b in blocks]), spread([b.seats for b in blocks])
        owner = np.repeat(np.arange(len(blocks)), counts)
        class_of = [_class_of_seat(block.plan) for block in blocks]
        numbers = np.concatenate(
            [class_of[k][seats[owner == k]] for k in range(len(blocks))] or [np.zeros(0, dtype=np.int64)]
        )
        tables = tables + numbers * (segments + 1) * (segments + 2)
        seat_cells = bases + seats
        start = np.zeros(len(seats), dtype=np.int64)
        one = np.uint64(1)
        while len(taken):
            i = np.bitwise_count((taken & -taken) - one).astype(np.int64)  # trailing zeros
            shifted = ~(taken >> i.astype(np.uint64))
            j = i + np.bitwise_count((shifted & -shifted) - one).astype(np.int64)
            self.count(tables, segments, start, segments, i, j, 1)
            self.occupy(widths, seat_cells, i, j, 1)
            taken = taken & ~((one << j.astype(np.uint64)) - one)
            more = taken != 0
            taken, start, tables, segments = taken[more], j[more], tables[more], segments[more]
            widths, seat_cells = widths[more], seat_cells[more]


def _class_of_seat(plan: Plan) -> Ints:
    return np.repeat(np.arange(len(plan.classes), dtype=np.int64), list(plan.classes.values()))
