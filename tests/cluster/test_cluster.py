"""A small run of a cluster: every promise holds while nodes, their processes and servers die."""

from pathlib import Path

import pytest

from engine.base.crash import OF_A_CLUSTER
from tests.cluster.missing import needs_servers
from tests.cluster.story import Plan, run

pytestmark = needs_servers


@pytest.mark.smoke
def test_random_kills_lose_nothing_and_decide_nothing_twice(tmp_path: Path) -> None:
    report = run(tmp_path, Plan(seed=12306, seconds=10, kill="processes", kills=12))
    assert report.broken == [], str(report)
    assert report.met.total() >= 12, str(report)
    assert report.outcomes["committed"] > 100, str(report)


@pytest.mark.smoke
def test_two_owners_of_everything_hinder_each_other_and_no_client_sees_it(tmp_path: Path) -> None:
    report = run(tmp_path, Plan(seed=12306, seconds=5, kill="both", kills=3, split=True))
    assert report.broken == [], str(report)
    assert report.conflicts > 0, str(report)


@pytest.mark.slow
@pytest.mark.parametrize("kill", ["nodes", "processes", "servers", "all", "both"])
def test_a_longer_run_of_each_kind_keeps_every_promise(tmp_path: Path, kill: str) -> None:
    report = run(tmp_path, Plan(seed=7, seconds=60, kill=kill, stop=True, skew=kill == "both"))
    assert report.broken == [], str(report)


@pytest.mark.smoke
def test_a_death_between_the_log_and_the_store_loses_nothing(tmp_path: Path) -> None:
    report = run(
        tmp_path, Plan(seed=12306, seconds=1, kill="none", deaths=tuple((p, 2) for p in OF_A_CLUSTER))
    )
    assert report.broken == [], str(report)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 17])
@pytest.mark.parametrize("point", [*OF_A_CLUSTER, "output.storing", "snapshot.durable"])
def test_a_death_at_any_point_of_a_node_of_a_cluster_loses_nothing(
    tmp_path: Path, point: str, number: int
) -> None:
    report = run(tmp_path, Plan(seed=number, seconds=1, kill="none", deaths=((point, number),)))
    assert report.broken == [], str(report)
