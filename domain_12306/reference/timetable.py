"""The timetable: trains, their stops with times and day offsets, fares in fen.

File format (UTF-8 CSV without a header, 12 columns, the rows of a train contiguous and in order):

    train, station, stop number from 1, arrive HH:MM (empty or as the departure at the origin),
    depart HH:MM (nothing that counts at the last stop: real files have it empty, equal or later),
    then cumulative fares in yuan from the origin, blank where the class is not sold:
    hard seat (second class on G, D, C), soft seat, hard sleeper upper/middle/lower, soft sleeper upper/lower

Clock times become minutes from midnight of the origin date: walking arrive, depart, arrive …, a time
smaller than the one before it is on the next day.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from domain_12306.messages import FareTable, StopList
from domain_12306.reference.rows import rows_of
from domain_12306.seating.gaps import MAX_STOPS
from engine import ConfigError

COLUMNS = 12
DAY = 24 * 60
MAX_DAYS = 4  # real trains run over up to three midnights
MAX_STATION_NAME = 40
MAX_TRAIN_NAME = 40  # a run's id is this, a slash and a date; it may have 64 characters
MINIMUM_FARE_FEN = 100  # 1 yuan for any journey that is sold
MAX_FARE_FEN = 5_000_000  # from the origin: far above any, and five in the dearest class fit an amount

HARD_SEAT, SOFT_SEAT, HARD_UPPER, HARD_MIDDLE, HARD_LOWER, SOFT_UPPER, SOFT_LOWER = range(7)
NO_FARES: tuple[int | None, ...] = (None,) * 7

_FARE_COLUMN = {
    "O": HARD_SEAT,
    "1": HARD_SEAT,
    "W": HARD_SEAT,  # standing costs what a seat costs
    "2": SOFT_SEAT,
    "3": HARD_LOWER,
    "J": HARD_LOWER,
    "4": SOFT_LOWER,
    "F": SOFT_LOWER,
    "I": SOFT_LOWER,
    "S": HARD_SEAT,
    "H": HARD_SEAT,
    "M": HARD_SEAT,
    "D": HARD_SEAT,
    "P": HARD_SEAT,
    "9": HARD_SEAT,
    "6": SOFT_LOWER,
    "A": SOFT_LOWER,
}
_TENTHS = {"M": 16, "D": 18, "P": 18, "9": 30, "6": 20, "A": 20}
"""What is not in the file is modelled as so many tenths of the column."""


class Stop(NamedTuple):
    station: str
    arrive: int  # minutes from midnight of the origin date; at the origin: the departure
    depart: int
    fares: tuple[int | None, ...]  # fen from the origin, in the order of the file's columns

    @property
    def day_offset(self) -> int:
        """Days between the origin date and the date that a passenger boarding here sees."""
        return self.depart // DAY


class Timetable:
    """Trains by number, in the order of the file. `fingerprint` changes with any change of the content."""

    def __init__(self, trains: dict[str, tuple[Stop, ...]], source: str) -> None:
        self.trains = trains
        self.source = source
        self._lists: dict[str, StopList] = {}

    def stop_list(self, train: str) -> StopList | None:
        """The stops as they stand in an event; None: no such train."""
        known = self._lists.get(train)
        if known is None and train in self.trains:
            known = self._lists[train] = [(s.station, s.arrive, s.depart) for s in self.trains[train]]
        return known

    def fares(self, train: str, classes: Iterable[str]) -> FareTable:
        """The fares of a train as they stand in an event; empty: there is no such train."""
        stops = self.trains.get(train, ())
        columns = {code: _FARE_COLUMN.get(code) for code in classes if stops}
        return {
            code: [0, *(stop.fares[column] for stop in stops[1:])]
            for code, column in columns.items()
            if column is not None
        }

    def stations(self) -> dict[str, int]:
        """Station → trains that call there."""
        calls: dict[str, int] = {}
        for stops in self.trains.values():
            for stop in stops:
                calls[stop.station] = calls.get(stop.station, 0) + 1
        return calls

    @property
    def fingerprint(self) -> str:
        digest = hashlib.blake2b(digest_size=8)
        for train, stops in self.trains.items():
            digest.update(repr((train, [tuple(stop) for stop in stops])).encode())
        return digest.hexdigest()


def fare_between(fares: FareTable, seat_class: str, board: int, alight: int) -> int | None:
    """Fen from one stop to a later one; None where the class has no fare there. What the file does not
    have is modelled as a multiple of another class, which is what its table holds."""
    table = fares.get(seat_class)
    if table is None:
        return None
    start, end = table[board], table[alight]
    if start is None or end is None:
        return None
    return max(end - start, MINIMUM_FARE_FEN) * _TENTHS.get(seat_class, 10) // 10


def read_timetable(path: str | Path) -> Timetable:
    """Reads and validates a timetable file. Raises ConfigError with path and line."""
    with rows_of(path, "the timetable") as rows:
        trains = dict(_trains(rows, str(path)))
    if not trains:
        raise ConfigError("the timetable has no train", path=path)
    return Timetable(trains, str(path))


def _trains(rows: Iterable[list[str]], path: str) -> Iterator[tuple[str, tuple[Stop, ...]]]:
    finished: set[str] = set()  # membership only, never iterated
    stations: dict[str, str] = {}  # one string object per station: the file repeats each 20 times
    train, stops, clock, ended = "", list[Stop](), 0, False
    line = 0
    try:
        for row in rows:
            line += 1
            if len(row) != COLUMNS:
                raise ValueError(f"{len(row)} columns, not {COLUMNS}")
            if row[0] != train:
                if stops:
                    yield train, _complete(train, stops)
                    finished.add(train)
                train, stops, clock, ended = row[0], [], 0, False
                if not train or train in finished or "/" in train or len(train) > MAX_TRAIN_NAME:
                    raise ValueError(f"train {train!r} is not in one piece, or has no usable number")
            station = stations.setdefault(row[1], row[1])
            if not station or any(stop.station == station for stop in stops):
                raise ValueError(f"train {train} calls twice at {station!r}, or nowhere")
            if row[2] != str(len(stops) + 1):
                raise ValueError(f"stop number {row[2]} where {len(stops) + 1} belongs")
            if ended:
                raise ValueError(f"train {train} goes on from a stop that it does not depart from")
            if stops:
                arrive = clock = _next(clock, _minutes(row[3]))
            elif row[3] not in ("", row[4]):
                raise ValueError(f"train {train} arrives at its origin")
            ended = bool(stops) and not row[4]
            depart = clock = clock if ended else _next(clock, _minutes(row[4]))
            stops.append(Stop(station, arrive if stops else depart, depart, _fares(row[5:])))
        if stops:
            yield train, _complete(train, stops)
    except UnicodeDecodeError:
        raise
    except (ValueError, csv.Error) as error:
        raise ConfigError(f"bad timetable: {error}", path=path, line=line) from None


def problem_with_stops(stops: StopList) -> str:
    """Why a list of stops cannot be a train; empty if it can."""
    if not 2 <= len(stops) <= MAX_STOPS:
        return f"{len(stops)} stops, not 2..{MAX_STOPS}"
    seen: dict[str, bool] = {}
    clock = 0
    for station, arrive, depart in stops:
        if not 1 <= len(station) <= MAX_STATION_NAME or station in seen:
            return f"station {station[:MAX_STATION_NAME]!r} comes twice, or is no name"
        seen[station] = True
        if not clock <= arrive <= depart < MAX_DAYS * DAY:
            return f"the times at {station} go backwards, or beyond {MAX_DAYS} days"
        clock = depart
    return ""


def problem_with_fares(fares: FareTable, stops: StopList) -> str:
    """Why a table of fares is none of a train with these stops; empty if it is."""
    for code, table in fares.items():
        if len(table) != len(stops):
            return f"class {code[:MAX_STATION_NAME]!r} has {len(table)} fares for {len(stops)} stops"
        if not all(fare is None or 0 <= fare <= MAX_FARE_FEN for fare in table):
            return f"a fare of class {code[:MAX_STATION_NAME]!r} is not 0..{MAX_FARE_FEN} fen"
    return ""


def _complete(train: str, stops: list[Stop]) -> tuple[Stop, ...]:
    stops[-1] = stops[-1]._replace(depart=stops[-1].arrive)
    if problem := problem_with_stops([(stop.station, stop.arrive, stop.depart) for stop in stops]):
        raise ValueError(f"train {train}: {problem}")
    return tuple(stops)


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    if not (len(text) == 5 and hours.isdecimal() and minutes.isdecimal()):
        raise ValueError(f"{text!r} is no time HH:MM")
    value = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or value >= DAY:
        raise ValueError(f"{text!r} is no time HH:MM")
    return value


def _next(clock: int, minutes: int) -> int:
    """The first moment not before `clock` at which the clock shows `minutes`."""
    return clock + (minutes - clock) % DAY


def _fares(columns: list[str]) -> tuple[int | None, ...]:
    if not any(columns):
        return NO_FARES
    return tuple([_fen(text) if text else None for text in columns])


def _fen(text: str) -> int:
    """Fen from yuan with at most two decimals; no float is involved."""
    whole, _, part = text.partition(".")
    if not whole.isdecimal() or (part and not part.isdecimal()) or len(part) > 2:
        raise ValueError(f"{text!r} is no fare in yuan")
    fen = int(whole) * 100 + int(part.ljust(2, "0"))
    if fen > MAX_FARE_FEN:
        raise ValueError(f"{text} yuan are more than any fare")
    return fen
