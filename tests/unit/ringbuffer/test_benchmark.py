"""The benchmark at a tiny size: for its verification, never for its time."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_benchmark_verifies_what_it_carried() -> None:
    command = [sys.executable, "-m", "benchmarks.ring", "--records", "1500", "--pairs", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["verified"] is True
    assert {"ring_single_per_second", "queue_single_per_second", "ratio_single"} <= set(report)
    assert {"ring_lists_per_second", "queue_lists_per_second", "ratio_lists"} <= set(report)
