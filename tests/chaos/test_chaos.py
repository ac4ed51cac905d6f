"""A small chaos run: every promise holds while children die."""

from pathlib import Path

import pytest

from engine.node.roles import roles_of
from tests.chaos.story import run
from tests.chaos.weather import small_disk


@pytest.mark.smoke
def test_random_kills_lose_nothing_and_sell_no_seat_twice(tmp_path: Path) -> None:
    report = run(tmp_path / "disk" / "data", kills=15, seed=12306)
    assert report.broken == [], str(report)
    assert report.kills.total() >= 15
    everything = {role.name for role in roles_of(1, ["remaining"], ["groups"], snapshots=True)}
    assert set(report.kills) == everything, f"every kind of process was to be killed: {report}"
    assert report.outcomes["committed"] > 100, str(report)
    for rare in ("clock jumps", "foreign appends", "sent by two at once"):
        assert report.rare[rare] > 0, str(report)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_kills_over_two_partitions(tmp_path: Path, seed: int) -> None:
    with small_disk(tmp_path / "disk") as disk:
        report = run(tmp_path / "disk" / "data", kills=30, seed=seed, partitions=2, disk=disk)
    assert report.broken == [], str(report)
    assert report.snapshots > 0, str(report)
    assert report.archived > 0, str(report)
