"""Does a core notice that a snapshot is taken? `python -m benchmarks.snapshot --aggregates 100000 --json`

      open runs ─▶ sell ─▶ lone commands ─▶ take a snapshot, lone commands meanwhile ─▶ stop
                              quiet_ms            during_ms

A lone command is sent when the one before it is answered, so a pause of the core shows as the latency of one
of them, and the greatest latency bounds it. A process of its own makes the snapshot, from the one before and
the event store; the core takes no part. But both need the processor and the disk.

`fork`: the alternative that was rejected. The same state is loaded into this process, which forks as a core
would: `fork_ms` is how long it stands still, `after_ms` how long some commands for runs here and there take
it while the child is alive and each page that is written to has to be copied first, `before_ms` the same
commands without a child.
"""

import argparse
import contextlib
import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.driver import PATIENT, Driver
from benchmarks.figures import facts, percentiles, progress, show
from benchmarks.processes import cpu_seconds, memory_mb
from benchmarks.selling import Message
from benchmarks.throughput import APP, DURABILITY
from domain_12306.messages import ReserveSeats
from domain_12306.workload.synthetic import SEAT_CLASS, SEGMENTS, open_synthetic_run, run_name, station
from engine import Aggregate, Engine, Event, Node, Stamp
from engine.base.log import LineLog
from engine.model.loading import load_app
from engine.node.data_directory import DataDirectory
from engine.snapshots import Snapshot, Standby, load_newest
from engine.snapshots.request import Request

SETTINGS = PATIENT | {"snapshot_events": 1 << 40}  # only when it is asked for
CHUNK = 250_000
FORKS = 5
TOUCHED = 20_000


def main() -> None:
    """One node, then one process that forks."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.snapshot",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--aggregates", type=int, default=100_000, help="train-runs in memory (100000)")
    parser.add_argument("--orders", type=int, default=500_000, help="sold before it begins (500000)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of lone commands in quiet (5)")
    parser.add_argument("--dir", default=None, help="where the data directory is made; the disk to measure")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ringfold-", dir=options.dir) as folder:
        report = facts(DURABILITY) | measure(options, Path(folder) / "data")
    show(report, options.json)
    if not report["verified"]:
        sys.exit(1)


def measure(options: argparse.Namespace, data: Path) -> dict[str, Any]:
    """The report."""
    with Node(data, app=APP, settings=SETTINGS) as node:
        driver = Driver(node.endpoints.commands)
        open_runs(driver, options.aggregates)
        for start in range(0, options.orders, CHUNK):
            driver.play(sales(start, min(CHUNK, options.orders - start), options.aggregates))
            progress(f"sold {min(start + CHUNK, options.orders):,} of {options.orders:,}")
        probes = lone_commands(options.aggregates)
        quiet, _ = probe(driver, probes, time.perf_counter() + options.seconds)
        request, cpu = Request(DataDirectory(data).snapshot_request), cpu_seconds(node)
        request.make()
        during, seconds = probe(driver, probes, None, request)
        spent = cpu_seconds(node)["snapshotter"] - cpu["snapshotter"]
        memory = memory_mb(node)
        progress(f"the snapshot took {seconds:.2f} s")
    folder = DataDirectory(data).snapshot_folder(0)
    newest = folder.snapshots()[0]
    app = load_app(APP, {})
    snapshot = load_newest(folder, app, newest.position, LineLog("benchmark"))
    right = snapshot is not None and len(snapshot.aggregates) == options.aggregates
    with contextlib.closing(DataDirectory(data).reader(0)) as reader:
        whole = Standby(folder, app, reader, LineLog("benchmark")).replayed(newest.position).aggregates
        assert snapshot is not None
        right = right and {one.id: one.version for one in whole.values()} == {
            one.id: one.version for one in snapshot.aggregates.values()
        }
        del whole
    return {
        "aggregates": options.aggregates,
        "orders": options.orders,
        "quiet_ms": percentiles(quiet, 1000),
        "during_ms": percentiles(during, 1000),
        "snapshot_seconds": round(seconds, 3),
        "snapshotter_cpu_seconds": round(spent, 3),
        "megabytes": round(newest.path.stat().st_size / 1e6, 1),
        "core_memory_mb": memory["core-0"],
        "snapshotter_memory_mb": memory["snapshotter"],
        "fork": forks(app, snapshot),
        "verified": right and not driver.others,
    }


def open_runs(driver: Driver, count: int) -> None:
    """Puts them on sale, some at a time: an opening is large, and a ring takes so many and no more."""
    for start in range(0, count, 2_000):
        opening = [open_synthetic_run(run_name(k)) for k in range(start, min(start + 2_000, count))]
        blocks = [opening[k : k + 100] for k in range(0, len(opening), 100)]
        driver.play([(msgspec.json.encode(block), len(block)) for block in blocks])


def sales(start: int, count: int, aggregates: int) -> list[Message]:
    """So many orders, of one seat each, spread over all runs and legs."""
    orders = [order(k * 7919 % aggregates, f"o{k}", k % SEGMENTS) for k in range(start, start + count)]
    blocks = [orders[k : k + 250] for k in range(0, count, 250)]
    return [(msgspec.json.encode(block), len(block)) for block in blocks]


def lone_commands(aggregates: int) -> Iterator[Message]:
    """Orders of one seat, for one run after the other."""
    number = 0
    while True:
        yield msgspec.json.encode([order(number * 7919 % aggregates, f"lone-{number}")]), 1
        number += 1


def order(run: int, name: str, leg: int = 3) -> ReserveSeats:
    """One seat on one leg."""
    return ReserveSeats(
        run_name(run),
        order=name,
        seat_class=SEAT_CLASS,
        board=station(leg),
        alight=station(leg + 1),
        passengers=["p"],
    )


def probe(
    driver: Driver, probes: Iterator[Message], until: float | None, request: Request | None = None
) -> tuple[list[float], float]:
    """Latencies of lone commands in seconds, until a time or until the request is answered; and how long."""
    began, latencies = time.perf_counter(), []
    while time.perf_counter() < until if until else (request is not None and request.is_there()):
        latencies.append(driver.play([next(probes)]))
    return latencies, time.perf_counter() - began


def forks(app: Engine, snapshot: Snapshot) -> dict[str, Any]:
    """Of this process, which holds the state of a core."""
    gc.collect()
    gc.freeze()
    gc.disable()
    runs = list(snapshot.aggregates.values())
    before = [touch(app, runs, f"b{k}") for k in range(FORKS)]
    pauses, after = [], []
    for k in range(FORKS):
        release, hold = os.pipe()
        began = time.perf_counter()
        child = os.fork()
        if child == 0:
            os.close(hold)
            os.read(release, 1)  # until the parent has had enough
            os._exit(0)
        pauses.append(time.perf_counter() - began)
        after.append(touch(app, runs, f"a{k}"))
        os.close(release)
        os.close(hold)
        os.waitpid(child, 0)
    middle = FORKS // 2
    return {
        "fork_ms": [round(pause * 1000, 2) for pause in sorted(pauses)],
        "commands": TOUCHED,
        "before_ms": round(sorted(before)[middle] * 1000, 1),
        "after_ms": round(sorted(after)[middle] * 1000, 1),
    }


def touch(app: Engine, runs: list[Aggregate], name: str) -> float:
    """Decides and applies commands for runs here and there; returns the seconds."""
    decide = app.handlers[ReserveSeats].decide
    commands = [order(0, f"{name}-{k}") for k in range(TOUCHED)]
    began = time.perf_counter()
    for k, command in enumerate(commands):
        run = runs[k * 7919 % len(runs)]
        decided = decide(run, command, Stamp(0, k))
        if isinstance(decided, Event):
            app.appliers[type(decided)][1](run, decided)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
