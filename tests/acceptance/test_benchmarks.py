"""Every benchmark at a tiny size: for its verification, never for its figures."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.smoke

ROOT = Path(__file__).parent.parent.parent

TINY = {
    "throughput": ["--commands", "2000", "--aggregates", "3", "--batch", "50"],
    "latency": ["--rate", "5000", "--seconds", "0.4", "--lone", "5", "--idle", "0.1"],
    "replay": ["--events", "3000", "--aggregates", "7", "--restarts", "1", "--tail", "500"],
    "national": ["--orders", "3000", "--query-seconds", "0.2", "--audited", "20"],
    "snapshot": ["--aggregates", "50", "--orders", "1000", "--seconds", "0.3"],
    "rebuild": ["--events", "3000", "--aggregates", "7", "--rate", "2000"],
    "duplicates": ["--commands", "2000", "--batch", "100", "--times", "1", "--spread"],
    "booking": ["--orders", "200", "--runs", "5"],
    "overload": ["--seconds", "1", "--capacity", "2000", "--factor", "3"],
    "cluster": ["--commands", "2000", "--aggregates", "5", "--lone", "4"],
    "ring": ["--records", "2000", "--pairs", "1"],
    "gateway": [
        "--commands", "300", "--array-commands", "2000", "--batch", "100", "--aggregates", "50",
        "--direct", "1000", "--beside", "6000", "--filtered", "40", "--unfiltered", "5", "--rate", "200",
        "--seconds", "1",
    ],
}

SAYS = {
    "throughput": {"commands_per_second", "cpu_us_per_command"},
    "latency": {"p50_ms", "p99_ms", "max_ms", "generator_late_ms", "lone_ms", "idle_percent_of_a_core"},
    "replay": {"events_per_second", "seconds", "events", "from_snapshot"},
    "snapshot": {"quiet_ms", "during_ms", "snapshot_seconds", "fork"},
    "national": {"tickets_per_second", "queries_per_second_while_selling", "restart_seconds", "open_seconds"},
    "rebuild": {"seconds_at_rest", "seconds_while_selling", "queries_failed", "query_ms"},
    "duplicates": {"ratio_time", "ratio_cpu", "grown_mb"},
    "booking": {"ticketed_per_second", "held_ms", "cpu_us_per_order", "balanced"},
    "overload": {"ratio_p99", "normal", "overload", "grown_mb"},
    "cluster": {"commands_per_second", "cpu_us_per_command", "at_the_owner", "elsewhere"},
    "gateway": {"singly_per_second", "arrays_per_second", "late_ms", "singly_cpu_us", "kept", "memory_mb"},
    "ring": {"ratio_single", "ratio_single_compares", "ratio_lists", "ratio_lists_compares"},
}


def run(name: str, *arguments: str) -> dict[str, Any]:
    """Runs a benchmark; its last line."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RINGFOLD_")}
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments, "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


@pytest.mark.parametrize("name", TINY)
def test_a_benchmark_verifies_its_own_run_and_names_its_command(name: str) -> None:
    report = run(name, *TINY[name])
    assert report["verified"] is True
    assert report["command"].startswith(f"python -m benchmarks.{name} ")
    assert report.keys() >= SAYS[name] | {"durability", "cores", "date"}


@pytest.mark.slow
def test_a_view_of_many_events_is_built_again_while_the_node_sells_and_no_query_fails() -> None:
    report = run("rebuild", "--events", "200000", "--aggregates", "200", "--rate", "5000")
    assert report["verified"] is True
    assert report["queries_failed"] == 0 < report["queries"]
    assert report["commands_while_building"] > 0


def test_a_filled_directory_is_replayed_again_and_goes_on_from_where_it_was(tmp_path: Path) -> None:
    arguments = ["--events", "2000", "--aggregates", "2", "--restarts", "1", "--tail", "0"]
    arguments += ["--data", str(tmp_path / "data")]
    first = run("replay", *arguments)
    second = run("replay", *arguments)
    assert first["verified"]
    assert second["verified"]
    assert second["events"] > first["events"] == 2000
