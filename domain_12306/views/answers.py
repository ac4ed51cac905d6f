"""Queries to the view and their answers, in the form that travels."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from domain_12306.reference.timetable import DAY
from domain_12306.rules.times import moment


class Journey(msgspec.Struct, forbid_unknown_fields=True):
    """`date`: the day at the boarding station. `seat_class`: only this one. `city`: `board` and `alight` are
    cities, which means all their stations."""

    board: str
    alight: str
    date: str
    seat_class: str | None = None
    city: bool = False


class StationFound(msgspec.Struct):
    """A station that was searched for. `pinyin`, `initials`: as it is typed."""

    station: str
    city: str
    pinyin: str
    initials: str


class Entry(msgspec.Struct):
    """One line of the board. `date` is the origin date; `origin`, `end`: where the train comes from and goes
    to; `days`: midnights on the way; `remaining`: class code → seats left; `fares`: class code → fen."""

    train: str
    date: str
    depart: str
    arrive: str
    minutes: int
    remaining: dict[str, int]
    fares: dict[str, int | None]
    board: str
    alight: str
    origin: str
    end: str
    departs: datetime
    arrives: datetime
    days: int

    @classmethod
    def of(
        cls,
        train: str,
        date: str,
        stops: Sequence[tuple[str, int, int]],
        a: int,
        b: int,
        left: dict[str, int],
        fares: dict[str, int | None],
    ) -> "Entry":
        """The line of a run from stop a to stop b."""
        depart, arrive = stops[a][2], stops[b][1]
        return cls(
            train,
            date,
            clock(depart),
            clock(arrive),
            arrive - depart,
            left,
            fares,
            stops[a][0],
            stops[b][0],
            stops[0][0],
            stops[-1][0],
            moment(date, depart),
            moment(date, arrive),
            arrive // DAY - depart // DAY,
        )


class OneTrain(msgspec.Struct):
    """Stops as (station, arrival, departure), seats per class, and `table[class][a][b - a - 1]`: what is left
    from stop a to stop b."""

    train: str
    date: str
    stops: list[tuple[str, str, str]]
    capacity: dict[str, int]
    table: dict[str, list[list[int]]]


class SeatMap(msgspec.Struct):
    """For each class the seats that are sold somewhere, as printed on tickets, with the stretches [from,
    to)."""

    stops: tuple[str, ...]
    capacity: dict[str, int]
    sold: dict[str, dict[str, list[tuple[int, int]]]]


class Totals(msgspec.Struct):
    """The number of open runs, of their seat-segments, and of those that are sold."""

    runs: int
    seat_segments: int
    seat_segments_sold: int


def clock(minutes: int) -> str:
    """Minutes from midnight of any day as HH:MM."""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def stretches(taken: int) -> list[tuple[int, int]]:
    """The runs of ones in a mask, as [from, to)."""
    runs: list[tuple[int, int]] = []
    at = 0
    while taken >> at:
        while not taken >> at & 1:
            at += 1
        start = at
        while taken >> at & 1:
            at += 1
        runs.append((start, at))
    return runs
