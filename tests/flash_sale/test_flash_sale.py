"""The sale ends as it should, whichever process dies meanwhile."""

from pathlib import Path

import pytest

from tests.examples.hosts import OneNode, TwoNodes
from tests.flash_sale.story import APP, SETTINGS, run


@pytest.mark.smoke
def test_a_small_sale_with_a_kill_of_every_process_sells_exactly_what_there_is(tmp_path: Path) -> None:
    host = OneNode(tmp_path / "data", APP, SETTINGS)
    report = run(host, buyers=300, units=30, kills_each=1, seed=1, pay_within_s=0.5)
    assert report.broken == [], str(report)
    assert report.units["sold"] == 30
    assert {"input", "core-0", "output-0", "projector-shop", "manager-checkout"} <= set(report.killed)


@pytest.mark.slow
@pytest.mark.parametrize("partitions", [1, 2])
def test_ten_thousand_buyers_get_a_thousand_units_while_every_process_is_killed_three_times(
    tmp_path: Path, partitions: int
) -> None:
    host = OneNode(tmp_path / "data", APP, SETTINGS, partitions)
    report = run(host, buyers=10_000, units=1_000, kills_each=3, seed=2)
    assert report.broken == [], str(report)
    assert (report.units["sold"], min(report.killed.values())) == (1_000, 3)
    assert report.unpaid > 100, str(report)
    assert report.refunds > 10, str(report)


@pytest.mark.smoke
def test_a_small_sale_on_two_nodes_that_are_killed_sells_exactly_what_there_is() -> None:
    host = TwoNodes(APP, SETTINGS, processes=False)
    report = run(host, buyers=300, units=30, kills_each=1, seed=1, pay_within_s=0.5)
    assert report.broken == [], str(report)
    assert (report.units["sold"], set(report.killed)) == (30, {"one", "two"})


@pytest.mark.slow
@pytest.mark.parametrize("partitions", [1, 2])
def test_a_sale_on_two_nodes_goes_on_while_each_of_them_and_every_process_is_killed(partitions: int) -> None:
    host = TwoNodes(APP, SETTINGS, partitions, servers=3)
    report = run(host, buyers=3_000, units=300, kills_each=2, seed=3)
    assert report.broken == [], str(report)
    assert (report.units["sold"], min(report.killed.values())) == (300, 2)
    assert report.unpaid > 10, str(report)
