"""Metering: what each kind of process notes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.node.meters import Line, MeterPage
from engine.node.roles import INPUT, Kind, Role
from engine.stages.gate import Gate, Limits
from engine.stages.metering import CoreMetering, FollowerMetering, InputMetering, OutputMetering
from engine.wire.batches import Batch
from engine.wire.busy import BusyReason

ROLES = [INPUT, Role(Kind.CORE, 0), Role(Kind.OUTPUT, 0), Role(Kind.PROJECTOR, subject="notes")]
NOW_NS = 5_000_000_000


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[dict[str, Line]]:
    MeterPage.create(tmp_path / "meters", ROLES)
    with MeterPage.attach(tmp_path / "meters", ROLES) as page:
        yield page.lines


def batch(first: int, last: int, time_ns: int) -> Batch:
    return Batch(first, last, 1, 0, b"", b"", b"", b"", b"", b"", 0, b"", time_ns)


def test_accepting_takes_from_the_arrival_of_messages_until_they_are_durable(lines: dict[str, Line]) -> None:
    times = iter([1_000_000, 4_000_000])
    metering = InputMetering(lines["input"], lambda: next(times))
    metering.drained()
    metering.journaled(20, 2_000_000)
    found = lines["input"].histograms
    assert [(found[name].count, found[name].sum) for name in ("journal_batch", "journal_flush")] == [
        (1, 20),
        (1, 2_000),
    ]
    assert (found["accepted"].count, found["accepted"].sum) == (20, 20 * 3_000)


def test_what_the_gate_turns_away_is_counted_once(lines: dict[str, Line]) -> None:
    gate = Gate(Limits(1_000, 10, 10), 1)
    metering = InputMetering(lines["input"], lambda: 0)
    list(gate.admit([(b"me", b"{"), (b"me", b"[]")], NOW_NS).refused)
    gate.busy[BusyReason.DISK] += 3
    metering.refused(gate)
    metering.refused(gate)
    assert lines["input"].counter("refused").value == 2
    assert lines["input"].counter("busy", "disk").value == 3
    assert lines["input"].counter("busy", "full").value == 0


def test_outcomes_are_added_up(lines: dict[str, Line]) -> None:
    metering, outcomes = CoreMetering(lines["core-0"]), Counter(committed=2, rejected=1)
    metering.decided(outcomes)
    outcomes["committed"] += 1
    metering.decided(outcomes)
    found = {label: counter.value for label, counter in lines["core-0"].counters_of("outcomes")}
    assert found == {"committed": 3, "unchanged": 0, "rejected": 1, "failed": 0, "duplicate": 0}


def test_committing_takes_from_the_stamp_of_a_batch_until_it_is_answered(lines: dict[str, Line]) -> None:
    metering = OutputMetering(lines["output-0"], lambda: NOW_NS)
    metering.stored([batch(1, 4, NOW_NS - 6_000_000), batch(5, 5, NOW_NS - 1_000_000)], 900_000)
    found = lines["output-0"].histograms
    assert (found["store_batch"].count, found["store_batch"].sum) == (1, 5)
    assert (found["store_flush"].count, found["store_flush"].sum) == (1, 900)
    assert (found["committed"].count, found["committed"].sum) == (5, 4 * 6_000 + 1_000)


def test_a_follower_counts_what_it_applies_from_where_it_began(lines: dict[str, Line]) -> None:
    line = lines["projector-notes"]
    metering = FollowerMetering(line, lambda: NOW_NS)
    metering.applied([1_000], NOW_NS - 9_000_000_000)
    assert line.counter("applied_commits").value == 0
    metering.applied([1_003], NOW_NS - 2_000_000)
    metering.applied([1_003], NOW_NS - 2_000_000)
    assert line.counter("applied_commits").value == 3
    assert (line.histograms["applied"].count, line.histograms["applied"].sum) == (3, 6_000)


def test_a_view_that_is_built_again_counts_from_its_new_beginning(lines: dict[str, Line]) -> None:
    line = lines["projector-notes"]
    metering = FollowerMetering(line, lambda: NOW_NS)
    for position in (50, 10, 12):
        metering.applied([position - 5, 5], NOW_NS)
    assert line.counter("applied_commits").value == 2
    assert [counter.value for _, counter in line.counters_of("positions")][:3] == [7, 5, 0]
