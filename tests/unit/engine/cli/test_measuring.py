"""What changes from one look at a node to the next."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.base.errors import Fault, RingfoldError
from engine.cli import measuring, top
from engine.cli.measuring import Measured, Meter

STORED = "output-0"


class Node:
    """A node of which each look shows the next of some numbers; None: none runs any more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, shown: list[int | None]) -> None:
        self.shown, self.time = iter(shown), 100.0
        monkeypatch.setattr(measuring, "Observation", self.observe)
        monkeypatch.setattr(measuring, "metered", lambda seen: ({"disk": seen.number}, None))
        monkeypatch.setattr(measuring, "find_node", self.find)
        monkeypatch.setattr("time.monotonic", self.now)

    def now(self) -> float:
        self.time += 2.0
        return self.time

    def find(self, data: object) -> object:
        raise RingfoldError("no node is running")

    def observe(self, data: object, node: object, *, ask_followers: bool = True) -> Any:
        number = next(self.shown)
        if number is None:
            raise Fault("the status page cannot be opened")
        names = ("input", STORED)
        row = {"sequence": number, "position": 2 * number, "pid": 0, "lag_s": None, "dead_letters": None}
        rows = {name: row | {"lag": 1_000 - number} for name in names}
        told = SimpleNamespace(partitions=1, app="shop", pid=7, run=Path("/nowhere"))
        levels = {"inbox-0": (25, 100), "replies-0": (1, 4), "outbox-0": (0, 0)}
        return SimpleNamespace(rows=rows, number=number, node=told, rings=lambda: levels, silent=set())


@pytest.fixture
def meter() -> Meter:
    return Meter(cast(Any, None), cast(Any, None))


def test_rates_are_of_the_time_since_the_look_before(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    Node(monkeypatch, [100, 300, 300])
    first, second, third = (meter.look() for _ in range(3))
    assert first.rates == {"input": 0.0, STORED: 0.0}
    assert second.rates == {"input": 100.0, STORED: 200.0}
    assert third.rates == {"input": 0.0, STORED: 0.0}
    assert second.headline() == "node shop, pid 7: 100 commands/s, 200 events/s"


def test_a_lag_grows_or_shrinks(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    Node(monkeypatch, [100, 300, 200])
    looks = [meter.look().lagging[STORED] for _ in range(3)]
    assert looks == [0.0, -100.0, 50.0]


def test_busy_answers_are_new_once(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    Node(monkeypatch, [100, 300, 300])
    assert [meter.look().busy["disk"] for _ in range(3)] == [(100, 0), (300, 200), (300, 0)]


def test_the_fuller_ring_before_a_process_counts(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    Node(monkeypatch, [1])
    assert meter.look().waits == {"core-0": 0.25, "input": 0.25}


def test_a_node_that_is_gone_ends_it_or_is_waited_for(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    def looks(some: Iterator[Measured | RingfoldError]) -> list[str]:
        return [str(one) if isinstance(one, RingfoldError) else one.headline() for one in some]

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    Node(monkeypatch, [100, 200, None, None, 300, 400])
    shown = looks(itertools.islice(top.patient(meter, 1.0), 4))
    assert ["no node" in one for one in shown] == [False, True, True, False]
    Node(monkeypatch, [100, None])
    with pytest.raises(RingfoldError, match="no node is running"):
        list(top.measurements(meter, 1.0))
