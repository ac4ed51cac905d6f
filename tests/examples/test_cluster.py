"""The demonstration of a cluster, as `make cluster` runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.smoke
def test_three_nodes_sell_everything_once_although_the_one_that_decides_is_killed() -> None:
    command = [sys.executable, "-m", "examples.cluster"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1,000 units were sold, none twice; no order lost, none decided twice" in done.stdout
    assert "sound" in done.stdout.splitlines()
