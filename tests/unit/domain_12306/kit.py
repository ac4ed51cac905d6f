"""What the tests of the railway share: a run without an engine, a naive model, the real files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
import pytest

from domain_12306.aggregates.train_run import TrainRun
from domain_12306.app import create
from domain_12306.messages import OpenRun, ReserveSeats, RunOpened
from engine import Command, Commit, Engine, Event, Projection, Rejection, Stamp
from engine.model.messages import wire_tag

DATE = "2026-11-23"
RUN = f"T1/{DATE}"


def real_file(variable: str) -> str:
    """The path of a real data file, from the environment; skips the test where it is not there."""
    path = os.environ.get(variable, "")
    if not path or not os.path.exists(path):
        pytest.skip(f"{variable} does not name a file")
    return path


def stations(count: int) -> list[str]:
    """a, b, c, …"""
    return [f"{chr(97 + k % 26)}{k // 26 or ''}" for k in range(count)]


def coaches_of(seats: int) -> list[tuple[int, str, int]]:
    """Second class in coaches of 100."""
    full, rest = divmod(seats, 100)
    return [(k + 1, "O", size) for k, size in enumerate([100] * full + [rest] * (rest > 0))]


@cache
def app_of(**settings: str) -> Engine:
    """The application with these settings, made once; trains are opened by their names."""
    return create({"calendar": "off"} | settings)


class Counter:
    """One run and its history, through the application's own handlers."""

    def __init__(self, name: str = RUN, **settings: str) -> None:
        self.app = app_of(**settings)
        self.history: list[Event] = []
        self.run: TrainRun = self.app.handlers[OpenRun].cls(name)  # type: ignore[assignment]

    def do(self, command: Command) -> Any:
        """The event, after it was applied, or the rejection."""
        handler = self.app.handlers[type(command)]
        assert handler.exists == "may" or self.run.version == 0, "the engine would not ask"
        decision = handler.decide(self.run, command, Stamp(0, len(self.history) + 1))
        if isinstance(decision, Event):
            self.app.appliers[type(decision)][1](self.run, decision)
            self.history.append(decision)
        return decision

    def refused(self, command: Command) -> str:
        """The code of the rejection that the command must meet."""
        decision = self.do(command)
        assert isinstance(decision, Rejection), decision
        return decision.code

    def opened(self, seats: int = 3, stops: int = 4, coaches: Any = None) -> "Counter":
        """Puts a run with one coach of second class on sale (or these coaches)."""
        times = [(name, 10 * k, 10 * k) for k, name in enumerate(stations(stops))]
        event = self.do(OpenRun(self.run.id, composition=coaches or coaches_of(seats), stops=times))
        assert isinstance(event, RunOpened), event
        self.run.engine_version = 1
        return self

    def reserve(self, order: str, board: str, alight: str, party: int = 1, seat_class: str = "O") -> Any:
        """Reserves for a party of made-up passengers."""
        people = [f"{order}-{number}" for number in range(party)]
        return self.do(ReserveSeats(self.run.id, order, seat_class, board, alight, people))


@dataclass
class Naive:
    """Seats as rows of yes and no, searched one by one: nothing in common with the gap index."""

    seats: int
    segments: int
    orders: dict[str, tuple[list[int], int, int]] = field(default_factory=dict)
    taken: list[list[bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.taken = [[False] * self.segments for _ in range(self.seats)]

    def gap(self, seat: int, i: int, j: int) -> tuple[int, int] | None:
        """The free gap of a seat around i..j, were it free there; None: it is not."""
        row = self.taken[seat]
        if any(row[i:j]):
            return None
        while i > 0 and not row[i - 1]:
            i -= 1
        while j < self.segments and not row[j]:
            j += 1
        return i, j

    def best(self, i: int, j: int) -> tuple[int, int, int] | None:
        """Smallest gap, then lowest number."""
        found = [(gap[1] - gap[0], s, gap) for s in range(self.seats) if (gap := self.gap(s, i, j))]
        if not found:
            return None
        _, seat, gap = min(found)
        return seat, *gap

    def remaining(self, i: int, j: int) -> int:
        """Seats free over all of i..j."""
        return len([s for s in range(self.seats) if not any(self.taken[s][i:j])])

    def table(self) -> list[list[int]]:
        """`[a][b - a - 1]`, as the view has it."""
        n = self.segments
        return [[self.remaining(a, b) for b in range(a + 1, n + 1)] for a in range(n)]

    def take(self, order: str, seats: Sequence[int], i: int, j: int) -> None:
        """Sells; a seat that is not free is an error."""
        for seat in seats:
            assert not any(self.taken[seat][i:j]), "sold twice"
            self.taken[seat][i:j] = [True] * (j - i)
        self.orders[order] = list(seats), i, j

    def give_back(self, order: str) -> None:
        """Releases."""
        seats, i, j = self.orders.pop(order)
        for seat in seats:
            self.taken[seat][i:j] = [False] * (j - i)


def feed(view: Projection, aggregate: str, events: Sequence[Event]) -> None:
    """Shows events to a view, by the methods that are marked for them, as they come from the store."""
    handlers = {
        wire_tag(method.__on__[0][0]): method
        for method in [getattr(view, name) for name in dir(view)]
        if hasattr(method, "__on__")
    }
    for version, event in enumerate(events, 1):
        handler = handlers.get(wire_tag(type(event)))
        if handler is not None:
            stored = msgspec.json.decode(msgspec.json.encode(event), type=handler.__on__[0][0])
            handler(stored, Commit(aggregate, version, "0" * 32, version, version, [stored]))
