"""Orders end rightly, whichever process or node dies meanwhile."""

from pathlib import Path

import pytest

from tests.booking.story import APP, SETTINGS, Report, run
from tests.examples.hosts import OneNode, TwoNodes

ON_TWO = SETTINGS | {"cluster_workers": "one"}  # where people's data and the provider's are


def expect_all_kinds(report: Report) -> None:
    assert report.broken == [], str(report)
    assert min(report.states[name] for name in ("TICKETED", "CANCELLED")) > 20, str(report)


@pytest.mark.smoke
def test_whichever_process_dies_no_order_is_left_in_between_and_no_fen_is_missing(tmp_path: Path) -> None:
    report = run(OneNode(tmp_path / "data", APP, SETTINGS), kills_each=3, seed=12306)
    expect_all_kinds(report)
    killed = {"input", "core-0", "output-0", "manager-booking", "projector-orders", "projector-remaining"}
    killed |= {"worker-payments", "worker-vault"}
    assert killed <= set(report.kills), str(report)
    assert report.kills.total() >= 30, str(report)


@pytest.mark.smoke
def test_orders_on_two_nodes_end_rightly_although_each_of_them_is_killed() -> None:
    report = run(TwoNodes(APP, ON_TWO, processes=False), kills_each=1, seed=12306)
    expect_all_kinds(report)
    assert set(report.kills) == {"one", "two"}, str(report)


@pytest.mark.slow
@pytest.mark.parametrize("partitions", [1, 2])
def test_orders_on_two_nodes_end_rightly_whichever_process_and_node_dies(partitions: int) -> None:
    report = run(TwoNodes(APP, ON_TWO, partitions, servers=3), kills_each=1, seed=12306)
    expect_all_kinds(report)
    assert {"one", "two", "one worker-payments", "two manager-booking"} <= set(report.kills), str(report)
