"""A small chaos run: every promise holds while children die."""

from pathlib import Path

import pytest

from engine.node.roles import roles_of
from tests.chaos.story import run


def test_random_kills_lose_nothing_and_sell_no_seat_twice(tmp_path: Path) -> None:
    report = run(tmp_path / "data", kills=15, seed=12306)
    assert report.broken == [], str(report)
    assert report.kills.total() >= 15
    everything = {role.name for role in roles_of(1, ["remaining"], [], snapshots=True)}
    assert set(report.kills) == everything, f"every kind of process was to be killed: {report}"
    assert report.outcomes["committed"] > 100, str(report)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_kills_over_two_partitions(tmp_path: Path, seed: int) -> None:
    report = run(tmp_path / "data", kills=30, seed=seed, partitions=2)
    assert report.broken == [], str(report)
    assert report.snapshots > 0, str(report)
    assert report.archived > 0, str(report)
