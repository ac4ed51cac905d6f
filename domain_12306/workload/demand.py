"""The demand model: a seeded source of travel wishes with long tails, for the demo and for benchmarks.

A train's share falls with its rank as 1 / rank^TRAIN_EXPONENT (ranks are drawn by the seed), a day's with
its distance; on a train, two stations attract each other as the product of how many trains call at them
(a gravity model), so that a few pairs of hubs take much and hundreds of pairs little. Classes share by
their seats; most orders are for one or two.

The same seed draws the same wishes.
"""

import random
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from domain_12306.messages import OpenRun, ReserveSeats
from domain_12306.reference.coaches import Compositions, totals
from domain_12306.reference.timetable import Timetable

TRAIN_EXPONENT = 0.8
DAY_EXPONENT = 0.5
PARTIES = (70, 20, 6, 3, 1)  # per cent of orders that are for 1, 2, 3, 4, 5 passengers


class Wish(NamedTuple):
    """A journey that one passenger, or one family, wants to make."""

    aggregate: str
    board: str
    alight: str
    seat_class: str
    party: int

    def command(self, order: str) -> ReserveSeats:
        """The command that asks for it."""
        return ReserveSeats(
            self.aggregate,
            order=order,
            seat_class=self.seat_class,
            board=self.board,
            alight=self.alight,
            passengers=[f"{order}-{number}" for number in range(1, self.party + 1)],
        )


class _Pairs(NamedTuple):
    """The pairs of stops and the classes of one train, with running sums of their weights."""

    pairs: list[tuple[str, str]]
    pair_sums: list[float]
    classes: list[str]
    class_sums: list[int]


class Demand:
    """A source of wishes. `dates`: origin dates on sale. `trains`: only these (None: all)."""

    def __init__(
        self,
        timetable: Timetable,
        compositions: Compositions,
        dates: Sequence[str],
        seed: int = 1,
        trains: Sequence[str] | None = None,
    ) -> None:
        self._timetable, self._compositions = timetable, compositions
        self._random = random.Random(seed)
        self._dates = list(dates)
        self.trains = list(timetable.trains if trains is None else trains)
        ranked = sorted(self.trains)
        self._random.shuffle(ranked)
        self._ranked = ranked
        self._train_sums = _zipf(len(ranked), TRAIN_EXPONENT)
        self._date_sums = _zipf(len(self._dates), DAY_EXPONENT)
        self._party_sums = list(accumulate(PARTIES))
        self._calls = timetable.stations()
        self._of_train: dict[str, _Pairs] = {}

    def openings(self) -> list[OpenRun]:
        """The commands that put every run on sale that a wish may be for."""
        return [OpenRun(f"{train}/{date}") for date in self._dates for train in self.trains]

    def draw(self) -> Wish:
        """The next wish."""
        u = self._random.random
        train = self._ranked[_pick(self._train_sums, u())]
        date = self._dates[_pick(self._date_sums, u())]
        of_train = self._of_train.get(train)
        if of_train is None:
            of_train = self._of_train[train] = self._pairs(train)
        board, alight = of_train.pairs[_pick(of_train.pair_sums, u())]
        seat_class = of_train.classes[_pick(of_train.class_sums, u())]
        return Wish(f"{train}/{date}", board, alight, seat_class, 1 + _pick(self._party_sums, u()))

    def _pairs(self, train: str) -> _Pairs:
        stations = [stop.station for stop in self._timetable.trains[train]]
        pairs, weights = [], []
        for i, board in enumerate(stations):
            for alight in stations[i + 1 :]:
                pairs.append((board, alight))
                weights.append(float(self._calls[board] * self._calls[alight]))
        classes = totals(self._compositions.of_train(train) or [])
        return _Pairs(pairs, list(accumulate(weights)), list(classes), list(accumulate(classes.values())))


def _zipf(count: int, exponent: float) -> list[float]:
    return list(accumulate([(rank + 1) ** -exponent for rank in range(count)]))


def _pick(sums: Sequence[float], u: float) -> int:
    return bisect(sums, u * sums[-1], 0, len(sums) - 1)
