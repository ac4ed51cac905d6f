"""The free-gap index of one seat class on one train-run: the hot data structure of a sale.

A *gap* [start, end) of a seat is a longest run of free segments. Seats are grouped by their gaps: one
integer per gap, a bit per seat, so an operation costs a few big-integer operations whatever the number
of seats or segments.

Ranks are ordered so that the search is one `bit_length()`, which is O(1) and makes no temporary:

    seat s        is bit s                     best fit takes low numbers first, so the integers stay as
                                               short as the seats in use are few, and fewer cache lines
    gap of rank r is bit r of `present`        ranks ascend from the longest gap to the shortest,
                                               so the highest bit set is the shortest gap

    present    1 bit per gap that some seat has
      AND enclosing[i][j]      gaps that contain the journey i..j
      → highest bit            the best fit;  `seats[rank]` → lowest bit: its lowest seat

Seats that were never sold are in no group: they are the seats from `len(taken)` on, all with the gap
[0, segments). Best fit takes them in order, so on a run with few tickets every integer here is small.
"""

from functools import cache

MAX_STOPS = 63  # a stop index and a segment end fit in 6 bits; the longest real train has 61 stops
MAX_SEATS = 4096  # of one class on one run; the largest real figure is 1,113

BIT = tuple([1 << bit for bit in range(MAX_SEATS)])

Pick = tuple[int, int, int]  # seat number in its class from 0, gap start, gap end
Seating = tuple[dict[int, int], list[int]]  # gaps that some seat has, by rank; sold segments by seat


class Geometry:
    """What depends only on the number of segments, shared by all runs."""

    __slots__ = ("below", "enclosing", "rank", "rivals", "segments", "span", "spans", "wall")

    def __init__(self, segments: int) -> None:
        n = self.segments = segments
        self.wall = BIT[segments]
        self.spans: list[tuple[int, int]] = [
            (start, start + length) for length in range(n, 0, -1) for start in range(n - length + 1)
        ]
        """rank → (gap start, gap end)"""
        self.rank = [[-1] * (n + 1) for _ in range(n + 1)]
        """gap start → gap end → rank"""
        for rank, (start, end) in enumerate(self.spans):
            self.rank[start][end] = rank
        self.rivals: list[int] = []
        """rank → gaps of the same length with a lower rank"""
        for start, end in self.spans:
            first = self.rank[0][end - start]
            self.rivals.append((1 << start) - 1 << first)
        self.enclosing = [[0] * (n + 2) for _ in range(n + 1)]
        """from stop → to stop → gaps that contain the journey"""
        self.span = [[0] * (n + 1) for _ in range(n + 1)]
        """from stop → to stop → a bit per segment"""
        self.below = [(1 << stop) - 1 for stop in range(n + 1)]
        """stop → the segments before it, a bit each"""
        for i in range(n):
            for j in range(n, i, -1):
                above = self.enclosing[i - 1][j] if i else 0
                self.enclosing[i][j] = above | self.enclosing[i][j + 1] | 1 << self.rank[i][j]
                self.span[i][j] = (1 << j) - (1 << i)


@cache
def geometry(segments: int) -> Geometry:
    """The geometry of this many segments, made once."""
    return Geometry(segments)


class SeatClass:
    """The seats of one class of one run. Only `take` and `give_back` change it.

    It has few slots on purpose. With thousands of runs on sale an operation costs cache lines, and what all
    runs share (`shape`) stays in the cache.
    """

    __slots__ = ("capacity", "present", "seats", "shape", "shared", "taken")

    def __init__(self, capacity: int, segments: int, *, shared: bool = False) -> None:
        self.shared = shared  # stands for many untouched runs: never changed, replaced on the first sale
        self.shape = geometry(segments)
        self.capacity = capacity
        self.seats = [0] * len(self.shape.spans)
        """rank → the seats whose gap it is"""
        self.present = 0
        self.taken: list[int] = []
        """seat → its sold segments, a bit each, and a wall behind the last"""

    def best_fit(self, i: int, j: int, sequence: int = 0) -> Pick | None:
        """The seat with the smallest gap that encloses the journey, then the lowest number."""
        shape = self.shape
        fits = self.present & shape.enclosing[i][j]
        if not fits:
            fresh = len(self.taken)
            return (fresh, 0, shape.segments) if fresh < self.capacity else None
        seats = self.seats
        rank = fits.bit_length() - 1
        group = seats[rank]
        lowest = group & -group
        rivals = fits & shape.rivals[rank]
        while rivals:
            other = rivals.bit_length() - 1
            rivals ^= BIT[other]
            group = seats[other]
            candidate = group & -group
            if candidate < lowest:
                rank, lowest = other, candidate
        start, end = shape.spans[rank]
        return lowest.bit_length() - 1, start, end

    def gap_around(self, seat: int, i: int, j: int) -> Pick:
        """The seat with the gap that it has, or would have if i..j were free on it."""
        try:
            taken = self.taken[seat]
        except IndexError:
            return seat, 0, self.shape.segments
        right = taken >> j
        return seat, (taken & self.shape.below[i]).bit_length(), j - 1 + (right & -right).bit_length()

    def take(self, pick: Pick, i: int, j: int) -> None:
        """Sells i..j on a seat, inside its gap."""
        seat, start, end = pick
        seats, shape, taken = self.seats, self.shape, self.taken
        row = shape.rank[start]
        bit = BIT[seat]
        if seat < len(taken):
            taken[seat] |= shape.span[i][j]
            rank = row[end]
            rest = seats[rank] = seats[rank] ^ bit
            if not rest:
                self.present ^= BIT[rank]
        else:
            if seat > len(taken):
                self._list(seat)
            taken.append(shape.wall | shape.span[i][j])
        if start < i:
            rank = row[i]
            if group := seats[rank]:
                seats[rank] = group | bit
            else:
                seats[rank] = bit
                self.present |= BIT[rank]
        if j < end:
            rank = shape.rank[j][end]
            if group := seats[rank]:
                seats[rank] = group | bit
            else:
                seats[rank] = bit
                self.present |= BIT[rank]

    def give_back(self, pick: Pick, i: int, j: int) -> None:
        """Frees i..j on a seat, which then has this gap; the opposite of `take`."""
        seat, start, end = pick
        seats, shape = self.seats, self.shape
        row = shape.rank[start]
        bit = BIT[seat]
        if start < i:
            rank = row[i]
            rest = seats[rank] = seats[rank] ^ bit
            if not rest:
                self.present ^= BIT[rank]
        if j < end:
            rank = shape.rank[j][end]
            rest = seats[rank] = seats[rank] ^ bit
            if not rest:
                self.present ^= BIT[rank]
        rank = row[end]
        if group := seats[rank]:
            seats[rank] = group | bit
        else:
            seats[rank] = bit
            self.present |= BIT[rank]
        self.taken[seat] ^= shape.span[i][j]

    def groups(self, i: int, j: int) -> list[tuple[int, int]]:
        """(segments, seats as bits) of the free seats by the length of their gap, shortest first."""
        groups: list[tuple[int, int]] = []
        fits = self.present & self.shape.enclosing[i][j]
        while fits:
            rank = fits.bit_length() - 1
            fits ^= BIT[rank]
            start, end = self.shape.spans[rank]
            groups.append((end - start, self.seats[rank]))
        fresh = (1 << self.capacity) - (1 << len(self.taken))
        if fresh:
            groups.append((self.shape.segments, fresh))
        return groups

    def free(self, i: int, j: int) -> int:
        """The seats that are free over the whole journey, as bits."""
        union = 0
        for _, seats in self.groups(i, j):
            union |= seats
        return union

    def remaining(self, i: int, j: int) -> int:
        """How many single seats are free over the whole journey."""
        return sum([seats.bit_count() for _, seats in self.groups(i, j)])

    def save(self) -> Seating:
        """What sales have changed, as a value."""
        return {rank: seats for rank, seats in enumerate(self.seats) if seats}, self.taken.copy()

    @classmethod
    def load(cls, capacity: int, segments: int, saved: Seating) -> "SeatClass":
        """The class whose `save` gave this value."""
        made = cls(capacity, segments)
        groups, made.taken = saved
        for rank, seats in groups.items():
            made.seats[rank] = seats
            made.present |= BIT[rank]
        return made

    def _list(self, seat: int) -> None:
        """Puts the unsold seats that the policy skipped into the group of wholly free seats."""
        shape, first = self.shape, len(self.taken)
        rank = shape.rank[0][shape.segments]
        self.seats[rank] |= BIT[seat] - BIT[first]
        self.present |= BIT[rank]
        self.taken += [shape.wall] * (seat - first)
