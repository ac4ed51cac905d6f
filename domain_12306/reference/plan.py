"""The plan of a run: stops, coaches and all that follows from them. Equal plans are one object.

A national network has tens of thousands of runs over some thousand plans. A run without a sold ticket holds a
reference to its plan and nothing else.
"""

from collections.abc import Sequence
from functools import cache

from domain_12306.messages import FareTable
from domain_12306.reference.coaches import totals
from domain_12306.reference.timetable import fare_between
from domain_12306.seating.gaps import SeatClass
from domain_12306.seating.seats import Layout, coach_labels

StopTuple = tuple[tuple[str, int, int], ...]
FareTuple = tuple[tuple[str, tuple[int | None, ...]], ...]
FREE_TRAIN_FEN = 1_000  # for each segment of a train that came without fares
CoachTuple = tuple[tuple[int, str, int], ...]


class Plan:
    """Stops, coaches and what follows from them; immutable except for caches."""

    __slots__ = (
        "_fares", "_labels", "_layouts", "classes", "coaches", "codes", "fares", "first_seat", "index",
        "number", "pristine", "seats", "segments", "stations", "stops",
    )  # fmt: skip

    def __init__(self, stops: StopTuple, coaches: CoachTuple, fares: FareTuple = ()) -> None:
        self.stops, self.coaches, self.fares = stops, coaches, fares
        self._fares: FareTable = {code: list(table) for code, table in fares}
        self.stations = tuple(stop[0] for stop in stops)
        self.index = {station: number for number, station in enumerate(self.stations)}
        self.segments = len(stops) - 1
        self.classes = totals(coaches)
        self.codes = tuple(self.classes)
        self.number = {code: number for number, code in enumerate(self.classes)}
        """class code → its number in this plan"""
        self.first_seat: dict[str, int] = {}
        """class code → where its seats begin when the seats of all classes are counted through"""
        self.seats = 0
        for code, seats in self.classes.items():
            self.first_seat[code] = self.seats
            self.seats += seats
        self.pristine = tuple(
            [SeatClass(seats, self.segments, shared=True) for seats in self.classes.values()]
        )
        """What every untouched run looks like. Never changed: a run makes its own on the first sale."""
        self._layouts: dict[str, Layout] = {}
        self._labels: dict[str, list[str]] = {}

    def fare(self, seat_class: str, board: int, alight: int) -> int | None:
        """What a passenger pays from one stop to a later one, in fen; None where the class is not sold."""
        if not self._fares:
            return FREE_TRAIN_FEN * (alight - board)
        return fare_between(self._fares, seat_class, board, alight)

    def layout(self, seat_class: str) -> Layout:
        """The neighbourhood of the seats of a class."""
        if seat_class not in self._layouts:
            self._layouts[seat_class] = _layout(self.coaches, seat_class)
        return self._layouts[seat_class]

    def labels(self, seat_class: str) -> list[str]:
        """Seat number → `05车12A号`."""
        if seat_class not in self._labels:
            self._labels[seat_class] = _labels(self.coaches, seat_class)
        return self._labels[seat_class]


# Thousands of plans share a handful of compositions; these are too dear to make for each plan.


@cache
def _layout(coaches: CoachTuple, seat_class: str) -> Layout:
    return Layout(coaches, seat_class)


@cache
def _labels(coaches: CoachTuple, seat_class: str) -> list[str]:
    return coach_labels(coaches, seat_class)


class Plans:
    """All distinct plans, each made once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[StopTuple, CoachTuple, FareTuple], Plan] = {}

    def of(
        self,
        stops: Sequence[tuple[str, int, int]],
        coaches: Sequence[tuple[int, str, int]],
        fares: FareTable | None = None,
    ) -> Plan:
        """The plan of these; made if it is not known."""
        key = _key(stops, coaches, fares)
        plan = self._known.get(key)
        if plan is None:
            plan = self._known[key] = Plan(*key)
        return plan

    def knows(
        self,
        stops: Sequence[tuple[str, int, int]],
        coaches: Sequence[tuple[int, str, int]],
        fares: FareTable,
    ) -> bool:
        """True if a train with these is or was on sale, so that they need not be checked again."""
        return _key(stops, coaches, fares) in self._known

    def __len__(self) -> int:
        return len(self._known)


def _key(
    stops: Sequence[tuple[str, int, int]],
    coaches: Sequence[tuple[int, str, int]],
    fares: FareTable | None,
) -> tuple[StopTuple, CoachTuple, FareTuple]:
    priced = tuple([(code, tuple(table)) for code, table in (fares or {}).items()])
    return tuple(stops), tuple(coaches), priced


NOT_OPEN = Plan((("", 0, 0), ("", 0, 0)), ())
"""The plan of a run that is not on sale: it calls nowhere and has no seats."""
NOT_OPEN.index.clear()

PLANS = Plans()
"""Of this process. A cache keyed by content: it changes what memory costs, never what is decided."""
