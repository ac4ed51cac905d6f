"""A made-up train, so that benchmarks need no file: 1,200 seats over 20 segments unless stated otherwise.

Its stops are S00, S01, … S20 and its one class is second class, in coaches of 100.
"""

from domain_12306.messages import OpenRun

SEATS, SEGMENTS = 1_200, 20
SEAT_CLASS = "O"
SEATS_A_COACH = 100
MINUTES_A_SEGMENT = 20


def station(stop: int) -> str:
    """The name of a stop, counted from 0."""
    return f"S{stop:02d}"


def run_name(number: int, date: str = "2026-11-23") -> str:
    """The id of the n-th synthetic run."""
    return f"X{number}/{date}"


def open_synthetic_run(aggregate: str, seats: int = SEATS, segments: int = SEGMENTS) -> OpenRun:
    """The command that puts such a run on sale. `aggregate`: see `run_name`."""
    full, rest = divmod(seats, SEATS_A_COACH)
    sizes = [SEATS_A_COACH] * full + ([rest] if rest else [])
    times = [k * MINUTES_A_SEGMENT for k in range(segments + 1)]
    return OpenRun(
        aggregate,
        composition=[(number, SEAT_CLASS, size) for number, size in enumerate(sizes, 1)],
        stops=[(station(k), minutes, minutes) for k, minutes in enumerate(times)],
    )
