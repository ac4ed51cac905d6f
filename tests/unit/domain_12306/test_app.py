"""The application as a whole: settings, the engine's partition running it, memory of a whole network."""

import tracemalloc
from typing import Any

import msgspec
import pytest

from domain_12306.app import create, reference_data
from domain_12306.messages import OpenRun
from domain_12306.rules.rejections import REJECTIONS
from domain_12306.seating.policy import BestFit, SeededRandom, policy_named
from domain_12306.workload.audit import audit
from domain_12306.workload.demand import Demand
from engine import Command, ConfigError
from engine.core.partition import Partition
from engine.wire.log import record_decoder
from engine.wire.sections import encode_section
from tests.unit.domain_12306.kit import DATE, app_of, real_file

UNTOUCHED_RUN_BYTES = 1_500  # engine and domain together; the bar is 12 kB


def run_all(partition: Partition, commands: list[Command]) -> Any:
    """Through the wire and the core, as a node does it; the batch."""
    first = partition.sequence + 1
    group = (b"client", len(commands), msgspec.json.encode(commands))
    return partition.process(encode_section(first, partition.sequence, 1_000 + first, [group]))


def test_the_application_passes_the_checks_of_the_engine() -> None:
    app = create({})
    app.check()
    asked = {"remaining", "seat-map", "stations", "totals", "train"}
    assert set(app.projections["remaining"].queries) == asked


def test_settings_change_the_fingerprint() -> None:
    prints = [create({"policy": policy}).fingerprint for policy in ("", "best-fit", "first-fit", "random:2")]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_an_unknown_setting_or_policy_is_refused() -> None:
    with pytest.raises(ConfigError, match="no setting speed"):
        create({"speed": "high"})
    for name in ("best", "random:", "random:x"):
        with pytest.raises(ConfigError, match="no seat policy"):
            create({"policy": name})
    assert isinstance(policy_named("best-fit"), BestFit)
    assert isinstance(policy_named("random:7"), SeededRandom)


def test_a_day_of_sales_through_the_core_is_sound_and_replays_byte_for_byte() -> None:
    app = app_of()
    model = Demand(*reference_data({}), [DATE], seed=5, trains=["G1", "G2", "K471", "C2001"])
    openings: list[Command] = [*model.openings()]
    wishes: list[Command] = [model.draw().command(f"o{k}") for k in range(3_000)]
    one, two = Partition(app, 0), Partition(app, 0)
    batches = [(run_all(one, part), run_all(two, part)) for part in (openings, wishes)]
    assert [a for a, _ in batches] == [b for _, b in batches]
    decode = record_decoder(app).decode
    histories: dict[str, list[Any]] = {}
    for batch, _ in batches:
        for commit in decode(batch.log)[1]:
            histories.setdefault(commit.aggregate, []).extend(commit.events)
    assert len(histories) == 4
    assert sum(len(history) for history in histories.values()) > 2_000
    for history in histories.values():
        assert audit(history).broken == []


def test_an_untouched_run_of_the_real_network_costs_next_to_nothing() -> None:
    app = app_of(timetable=real_file("RINGFOLD_TIMETABLE"))
    partition = Partition(app, 0)
    trains = list(reference_data({"timetable": real_file("RINGFOLD_TIMETABLE")}).timetable.trains)
    dates = [f"2026-11-{day}" for day in (23, 24)]
    commands: list[Command] = [OpenRun(f"{train}/{dates[0]}") for train in trains[::10]]
    run_all(partition, commands)  # makes the plans, which later dates share
    later: list[Command] = [OpenRun(f"{train}/{dates[1]}") for train in trains[::10]]
    tracemalloc.start()
    run_all(partition, later)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(partition.aggregates) == len(commands) + len(later)
    assert used / len(later) < UNTOUCHED_RUN_BYTES


def test_the_commands_declare_every_code_that_there_is_and_no_other() -> None:
    declared = {code for command in app_of().handlers for code in command.__rejects__ or ()}
    assert declared == set(REJECTIONS)
