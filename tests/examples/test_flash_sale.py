"""The sale's program ends as its README says. (The rules: test_disorder.py; the kills: tests/flash_sale.)"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_program_shows_every_end_that_an_order_can_have() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.flash_sale"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    told = done.stdout.splitlines()
    assert told[-3:] == [
        "guitars: {'free': 3, 'held': 0, 'sold': 7}",
        "orders: {'cancelled': 1, 'completed': 8, 'expired': 2, 'rejected': 90}",
        "audit: 101 orders, 0 broken rules",
    ], done.stdout + done.stderr
