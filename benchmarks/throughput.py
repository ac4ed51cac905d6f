"""How many durable changes a second? `python -m benchmarks.throughput --batch 100 --aggregates 1 --json`

Starts a node on an empty directory and sells and releases seats through it from one client process with
at most 40,000 commands in flight. A command counts when its `committed` answer is back and the seat view
has applied its event. `--yardstick PROGRAM` runs that program and the node in turn, `--pairs` times, and
states the ratio.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.driver import PATIENT, Driver, ask
from benchmarks.figures import facts, progress, show, spread
from benchmarks.processes import cpu_seconds
from benchmarks.selling import Story, tell
from domain_12306.workload.synthetic import SEAT_CLASS, SEATS, SEGMENTS, run_name
from engine import Node
from engine.node.data_directory import DataDirectory

DURABILITY = "journal and event store fsynced before each answer"
APP = "domain_12306.app:seats"
VIEW = "remaining"


def main() -> None:
    """Runs once, or in pairs with a yardstick."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("--batch", type=int, default=100, help="commands per message (100)")
    parser.add_argument("--aggregates", type=int, default=1, help="train-runs they spread over (1)")
    parser.add_argument("--commands", type=int, default=600_000, help="how many (600000)")
    parser.add_argument("--partitions", type=int, default=1, help="cores of the node (1)")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--dir", default=None, help="where the data directory is made; the disk to measure")
    parser.add_argument("--yardstick", type=Path, help="a program to run in turn with the node")
    parser.add_argument("--pairs", type=int, default=5, help="how many turns with the yardstick (5)")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    report = in_pairs(options) if options.yardstick else facts(DURABILITY) | once(options)
    show(report, options.json)
    if not report["verified"]:
        sys.exit(1)


def once(options: argparse.Namespace) -> dict[str, Any]:
    """One run on an empty directory."""
    story = tell(options.commands, options.batch, options.aggregates, options.seed)
    settings = PATIENT | {"partitions": options.partitions}
    with tempfile.TemporaryDirectory(prefix="ringfold-", dir=options.dir) as folder:
        node = Node(Path(folder) / "data", app=APP, settings=settings)
        with node:
            driver = Driver(node.endpoints.commands)
            driver.open_runs(options.aggregates)
            opened = set(driver.committed)
            view = node.endpoints.queries[VIEW]
            before = cpu_seconds(node, client=True)
            seconds = driver.play(story.messages)
            started = time.perf_counter()
            for reached in driver.positions.items():
                ask(view, "positions", at_least=reached, timeout_ms=60_000)
            seconds += time.perf_counter() - started
            spent = {name: after - before[name] for name, after in cpu_seconds(node, client=True).items()}
            verified = holds(story, driver, opened, view, options.aggregates)
        verified &= stored(Path(folder) / "data", options.partitions, len(story.ids | opened))
    return {
        "commands_per_second": round(options.commands / seconds),
        "batch": options.batch,
        "aggregates": options.aggregates,
        "commands": options.commands,
        "partitions": options.partitions,
        "seed": options.seed,
        "verified": verified,
        "cpu_us_per_command": {name: round(s / options.commands * 1e6, 2) for name, s in spent.items()},
    }


def holds(story: Story, driver: Driver, opened: set[str], view: str, aggregates: int) -> bool:
    """Every command committed once, and the view tells what the story says is left."""
    if driver.committed != story.ids | opened or driver.others:
        progress(f"NOT VERIFIED: {len(driver.committed)} committed, others: {driver.others[:3]}")
        return False
    for number in range(min(aggregates, 200)):
        name = run_name(number)
        train, _, date = name.partition("/")
        table = ask(view, "train", args={"train": train, "date": date})["table"][SEAT_CLASS]
        left = [table[segment][0] for segment in range(SEGMENTS)]
        if left != [SEATS - story.sold.get((name, segment), 0) for segment in range(SEGMENTS)]:
            progress(f"NOT VERIFIED: the view of {name} says {left}")
            return False
    return True


def stored(data: Path, partitions: int, commits: int) -> bool:
    """The store holds every commit, versions and positions without a gap."""
    found = 0
    for partition in range(partitions):
        reader = DataDirectory(data).reader(partition)
        versions: dict[str, int] = {}
        for expected, (position, commit) in enumerate(reader.commits(), 1):
            if position != expected or commit.version != versions.get(commit.aggregate, 0) + 1:
                progress(f"NOT VERIFIED: position {position}, {commit.aggregate} version {commit.version}")
                return False
            versions[commit.aggregate] = commit.version
            found += 1
        reader.close()
    if found != commits:
        progress(f"NOT VERIFIED: {found} commits stored, {commits} expected")
    return found == commits


def in_pairs(options: argparse.Namespace) -> dict[str, Any]:
    """Yardstick, node, yardstick, node …: the median of the ratios is the figure."""
    command = [sys.executable, str(options.yardstick), "--batch", str(options.batch)]
    command += ["--aggregates", str(options.aggregates), "--commands", str(options.commands)]
    command += ["--dir", options.dir] if options.dir else []
    rates: list[int] = []
    yardsticks: list[int] = []
    verified = True
    report: dict[str, Any] = {}
    for turn in range(options.pairs):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        yardsticks.append(json.loads(done.stdout.splitlines()[-1])["commands_per_second"])
        report = once(options)
        rates.append(report["commands_per_second"])
        verified &= report["verified"]
        progress(f"{turn + 1}/{options.pairs}: yardstick {yardsticks[-1]:,}/s, node {rates[-1]:,}/s")
    ratios = [mine / floor for mine, floor in zip(rates, yardsticks, strict=True)]
    return (
        facts(DURABILITY)
        | report
        | {
            "commands_per_second": round(statistics.median(rates)),
            "verified": verified,
            "rates": spread(rates),
            "yardstick": spread(yardsticks),
            "ratio": spread(ratios),
            "pairs": options.pairs,
        }
    )


if __name__ == "__main__":
    main()
