"""The policies that choose which free seat is sold: a policy orders the gaps, a group rule picks from them.

A policy turns the gaps that enclose a journey into tiers, best first. One passenger gets the lowest
seat of the first tier. A group is served from as few tiers as possible, and within that adjacent in one
row, otherwise in one coach, otherwise anywhere. If even all tiers together are too few, no passenger gets a
seat. No policy ever refuses what fits.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from domain_12306.seating.gaps import Pick, SeatClass
from domain_12306.seating.seats import Layout
from engine import ConfigError


class Policy(Protocol):
    def single(self, seats: SeatClass, i: int, j: int, sequence: int) -> Pick | None:
        """The seat for one passenger and its gap; None: no seat is free over the whole journey."""

    def tiers(self, seats: SeatClass, i: int, j: int) -> list[int]:
        """All seats free over the journey, as disjoint masks, the preferred first."""


def _by_length(seats: SeatClass, i: int, j: int) -> list[int]:
    tiers: dict[int, int] = {}
    for length, group in seats.groups(i, j):
        tiers[length] = tiers.get(length, 0) | group
    return list(tiers.values())


def _lowest(seats: SeatClass, mask: int, i: int, j: int) -> Pick | None:
    if not mask:
        return None
    return seats.gap_around((mask & -mask).bit_length() - 1, i, j)


class BestFit:
    """The smallest gap that encloses the journey, then the lowest number. The default."""

    single = staticmethod(SeatClass.best_fit)  # itself, not a call of it: 45 ns of a sale

    def tiers(self, seats: SeatClass, i: int, j: int) -> list[int]:
        return _by_length(seats, i, j)


class WorstFit:
    """The largest gap: the baseline that fragments seats fastest."""

    def single(self, seats: SeatClass, i: int, j: int, sequence: int) -> Pick | None:
        tiers = self.tiers(seats, i, j)
        return _lowest(seats, tiers[0], i, j) if tiers else None

    def tiers(self, seats: SeatClass, i: int, j: int) -> list[int]:
        return _by_length(seats, i, j)[::-1]


class FirstFit:
    """The lowest number, whatever its gap."""

    def single(self, seats: SeatClass, i: int, j: int, sequence: int) -> Pick | None:
        return _lowest(seats, seats.free(i, j), i, j)

    def tiers(self, seats: SeatClass, i: int, j: int) -> list[int]:
        free = seats.free(i, j)
        return [free] if free else []


class SeededRandom:
    """Any free seat with equal chance. The draw depends on the seed and the command's sequence alone,
    so that replaying the journal draws the same seats. A group takes the first that fit."""

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed

    def single(self, seats: SeatClass, i: int, j: int, sequence: int) -> Pick | None:
        free = seats.free(i, j)
        if not free:
            return None
        for _ in range(_mix(self.seed, sequence) % free.bit_count()):
            free &= free - 1
        return seats.gap_around((free & -free).bit_length() - 1, i, j)

    def tiers(self, seats: SeatClass, i: int, j: int) -> list[int]:
        free = seats.free(i, j)
        return [free] if free else []


def _mix(seed: int, sequence: int) -> int:
    """splitmix64: a fixed, well-mixed 64-bit function; Python's `random` may change between versions."""
    mask = (1 << 64) - 1
    z = (seed * 0xD1342543DE82EF95 + sequence * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
    return z ^ z >> 31


def group(policy: Policy, layout: Layout, seats: SeatClass, i: int, j: int, party: int) -> list[Pick] | None:
    """Seats for a whole party, or None. Not the fast path: a few dozen big-integer operations."""
    tiers = policy.tiers(seats, i, j)
    if sum(tier.bit_count() for tier in tiers) < party:
        return None
    for choose in (_adjacent, _one_coach, _anywhere):
        free = 0
        for tier in tiers:
            free |= tier
            chosen = choose(layout, free, party)
            if chosen:
                return [seats.gap_around(seat, i, j) for seat in chosen]
    return None


def _adjacent(layout: Layout, free: int, party: int) -> list[int]:
    starts = layout.together(free, party)
    first = (starts & -starts).bit_length() - 1
    return list(range(first, first + party)) if starts else []


def _one_coach(layout: Layout, free: int, party: int) -> list[int]:
    for coach in layout.coaches:
        if (free & coach).bit_count() >= party:
            return _anywhere(layout, free & coach, party)
    return []


def _anywhere(layout: Layout, free: int, party: int) -> list[int]:
    chosen: list[int] = []
    while free and len(chosen) < party:
        chosen.append((free & -free).bit_length() - 1)
        free &= free - 1
    return chosen if len(chosen) == party else []


POLICIES: dict[str, Callable[[], Policy]] = {
    "best-fit": BestFit,
    "first-fit": FirstFit,
    "worst-fit": WorstFit,
    "random": partial(SeededRandom, 1),
}


def policy_named(name: str) -> Policy:
    """The policy that a setting names; `random:7` seeds the draw with 7. Raises ConfigError for other
    names."""
    kind, _, seed = name.partition(":")
    if kind == "random" and seed.isdecimal():
        return SeededRandom(int(seed))
    if name not in POLICIES:
        raise ConfigError(f"no seat policy is named {name}", known=", ".join(POLICIES))
    return POLICIES[name]()
