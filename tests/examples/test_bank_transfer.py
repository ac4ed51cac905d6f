"""The bank: no money is lost or made at any position, whoever dies."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.bank_story import OPENING, run

ROOT = Path(__file__).parents[2]


def test_transfers_survive_a_kill_of_every_process(tmp_path: Path) -> None:
    report = run(tmp_path / "data", accounts=10, transfers=60, kills_each=1, seed=1)
    assert report.broken == []
    assert report.shown == {"accounts": 10 * OPENING, "under_way": 0}
    assert report.transfers.total() == 60
    assert {"finished", "failed: not-covered", "failed: aggregate-unknown"} == set(report.transfers)
    assert {"input", "core-0", "output-0", "projector-money", "manager-clerk"} <= set(report.killed)


@pytest.mark.slow
@pytest.mark.parametrize("partitions", [1, 2])
def test_a_thousand_transfers_between_a_hundred_accounts_survive_three_kills_of_every_process(
    tmp_path: Path, partitions: int
) -> None:
    report = run(
        tmp_path / "data", accounts=100, transfers=1_000, kills_each=3, seed=2, partitions=partitions
    )
    assert report.broken == []
    assert report.shown == {"accounts": 100 * OPENING, "under_way": 0}
    assert (report.transfers.total(), min(report.killed.values())) == (1_000, 3)


@pytest.mark.slow
def test_the_program_tells_how_it_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.bank_transfer"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    told = done.stdout.splitlines()
    assert told[-1].endswith("0 broken rules"), done.stdout + done.stderr
    assert told[-2].endswith("{'accounts': 1000000, 'under_way': 0}")
