"""How long does a restart take? `python -m benchmarks.replay --events 5000000 --json`

      fill a node with events ─▶ stop it ─▶ start it ─▶ ready        events / (ready − start) is the figure
                                            └── measured ──┘
      take a snapshot ─▶ go on ─▶ stop it ─▶ start it ─▶ ready       from_snapshot: the same with one
                                             └── measured ──┘

The time is that of an operator: from starting the program until every process is at work, Python's own start
included. First without snapshots: the core reads every event of its life. The restarted node proves its
state: the view shows what was sold, commands sent again get their first answers, new ones are accepted. Then
the same from a snapshot with `--tail` events after it. At the end this process loads the state in both ways
again and compares the digests.

`--data DIR` keeps the filled directory, with what must be true of it, for another run.
"""

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.driver import PATIENT, Driver, ask
from benchmarks.figures import facts, progress, show, spread
from benchmarks.processes import cpu_seconds, memory_mb
from benchmarks.selling import Message, Reservation, Story, tell
from benchmarks.throughput import APP, DURABILITY, VIEW, holds
from engine import Node
from engine.base.log import LineLog
from engine.model.loading import load_app
from engine.model.state import state_digest
from engine.node.data_directory import DataDirectory
from engine.snapshots import Standby

CHUNK = 250_000  # commands made at once: bounds the memory of the client
PROBES = 200
START_TIMEOUT_S = 3600.0
# Snapshots are taken here, when it is time.
QUIET = PATIENT | {"snapshot_events": 0, "journal_keep": "all"}


class Filled(msgspec.Struct):
    """The facts about a filled directory, kept beside it."""

    events: int
    aggregates: int
    partitions: int
    sold: list[tuple[str, int, int]]
    live: list[Reservation]
    last: Message
    fill_per_second: int

    def story(self) -> Story:
        """The story that continues from here."""
        sold = {(run, segment): seats for run, segment, seats in self.sold}
        return Story(sold=sold, live=self.live)

    def note(self, told: Story) -> None:
        """Notes how the story continued."""
        self.events += len(told.ids)
        self.live = told.live
        self.sold = [(run, segment, seats) for (run, segment), seats in told.sold.items()]
        self.last = told.messages[-1]


def main() -> None:
    """Fills unless it is filled already, then restarts."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.replay",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--events", type=int, default=5_000_000, help="in the store (5000000)")
    parser.add_argument("--aggregates", type=int, default=1_000, help="train-runs they spread over (1000)")
    parser.add_argument("--partitions", type=int, default=1, help="cores of the node (1)")
    parser.add_argument("--restarts", type=int, default=3, help="how often it is measured; the median (3)")
    parser.add_argument("--batch", type=int, default=250, help="commands per message while filling (250)")
    parser.add_argument(
        "--tail", type=int, default=100_000, help="events after the snapshot (100000); 0: no snapshot"
    )
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--data", type=Path, help="directory to keep, filled now or by an earlier run")
    parser.add_argument("--dir", default=None, help="where a directory is made that is not kept")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ringfold-", dir=options.dir) as folder:
        report = facts(DURABILITY) | measure(options, options.data or Path(folder) / "data")
    show(report, options.json)
    if not report["verified"]:
        sys.exit(1)


def measure(options: argparse.Namespace, data: Path) -> dict[str, Any]:
    """The report of some restarts."""
    note = data.with_name(data.name + ".filled.json")
    shutil.rmtree(data / "snapshots", ignore_errors=True)
    if note.exists():
        filled = msgspec.json.decode(note.read_bytes(), type=Filled)
        progress(f"{data} holds {filled.events:,} events")
    else:
        filled = fill(options, data)
        if options.data:
            note.write_bytes(msgspec.json.encode(filled))
    runs, verified = restarts(options, data, filled)
    middle = sorted(runs, key=lambda run: run["events_per_second"])[len(runs) // 2]
    from_snapshot, right = with_snapshot(options, data, filled) if options.tail else ({}, True)
    verified &= right
    if options.data:
        note.write_bytes(msgspec.json.encode(filled))
    return {
        **middle,
        "rates": spread([run["events_per_second"] for run in runs]),
        "restarts": options.restarts,
        "fill_per_second": filled.fill_per_second,
        "aggregates": filled.aggregates,
        "partitions": filled.partitions,
        "bytes_an_event": stored_bytes(data, filled.partitions, filled.events),
        "from_snapshot": from_snapshot,
        "seed": options.seed,
        "verified": verified,
    }


def restarts(options: argparse.Namespace, data: Path, filled: Filled) -> tuple[list[dict[str, Any]], bool]:
    """The result of each restart, and whether the state was always right."""
    runs: list[dict[str, Any]] = []
    verified = True
    for turn in range(options.restarts):
        found, right = restart(data, filled, seed=options.seed + 1_000_000 + filled.events)
        runs.append(found)
        verified &= right
        progress(
            f"restart {turn + 1}/{options.restarts}: {found['events']:,} events in {found['seconds']:.2f} s,"
            f" {found['events_per_second']:,}/s{'' if right else ', WRONG'}"
        )
    return runs, verified


def with_snapshot(options: argparse.Namespace, data: Path, filled: Filled) -> tuple[dict[str, Any], bool]:
    """Takes one, sells on, restarts; and whether both ways lead to the same state."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "engine", "snapshot", "take", f"--data={data}", f"--app={APP}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    taking = time.perf_counter() - began
    with Node(data, app=APP, settings=QUIET, start_timeout_s=START_TIMEOUT_S) as node:
        driver = Driver(node.endpoints.commands)
        seed = options.seed + 2_000_000 + filled.events
        told = tell(options.tail, options.batch, filled.aggregates, seed, after=filled.story())
        driver.play(told.messages)
        filled.note(told)
        if driver.committed != told.ids:
            raise AssertionError(f"after the snapshot: {driver.others[:3]}")
    runs, verified = restarts(options, data, filled)
    digests = [same_state(data, p) for p in range(filled.partitions)]
    progress(f"the state's digests, from the snapshot and from the first event: {digests}")
    snapshots = [DataDirectory(data).snapshot_folder(p).snapshots()[0] for p in range(filled.partitions)]
    return {
        "seconds": sorted(run["seconds"] for run in runs)[len(runs) // 2],
        "spread": spread([run["seconds"] for run in runs]),
        "tail": filled.events - sum(snapshot.position for snapshot in snapshots),
        "taking_seconds": round(taking, 3),
        "megabytes": round(sum(snapshot.path.stat().st_size for snapshot in snapshots) / 1e6, 1),
        "state": [one for one, _ in digests],
    }, verified and all(one == other for one, other in digests)


def same_state(data: Path, partition: int) -> tuple[str, str]:
    """Digests of the state of a partition: snapshot and tail, and all events."""
    app = load_app(APP, {})
    with contextlib.closing(DataDirectory(data).reader(partition)) as reader:
        standby = Standby(DataDirectory(data).snapshot_folder(partition), app, reader, LineLog("benchmark"))
        position = reader.position()
        whole = state_digest(standby.replayed(position).aggregates)
        return state_digest(standby.caught_up(position).memory.aggregates), whole


def fill(options: argparse.Namespace, data: Path) -> Filled:
    """A new directory with so many events, through a real node."""
    # Not all commands fit into memory at once; the answers of a chunk are checked before the next is told.
    left, seconds = options.events - options.aggregates, 0.0
    story = Story()
    last: Message = (b"", 0)
    with Node(data, app=APP, settings=QUIET | {"partitions": options.partitions}) as node:
        driver = Driver(node.endpoints.commands)
        driver.open_runs(options.aggregates)
        chunk = 0
        while left:
            driver.committed.clear()
            story = tell(
                min(left, CHUNK), options.batch, options.aggregates, options.seed + chunk, after=story
            )
            seconds += driver.play(story.messages)
            if driver.committed != story.ids or driver.others:
                raise AssertionError(f"while filling: {driver.others[:3]}")
            last = story.messages[-1]
            left -= len(story.ids)
            chunk += 1
            progress(f"filling: {options.events - left:,} of {options.events:,} events")
        for reached in driver.positions.items():
            ask(node.endpoints.queries[VIEW], "positions", at_least=reached, timeout_ms=60_000)
    return Filled(
        options.events,
        options.aggregates,
        options.partitions,
        [(run, segment, seats) for (run, segment), seats in story.sold.items()],
        story.live,
        last,
        round((options.events - options.aggregates) / seconds),
    )


def restart(data: Path, filled: Filled, seed: int) -> tuple[dict[str, Any], bool]:
    """Start to ready, and whether the state is right. Adds the commands of the check to `filled`."""
    node = Node(data, app=APP, settings=QUIET, start_timeout_s=START_TIMEOUT_S)
    started = time.perf_counter()
    node.start()
    seconds = time.perf_counter() - started
    cores = [f"core-{p}" for p in range(filled.partitions)]
    found = {
        "events": filled.events,
        "seconds": round(seconds, 3),
        "events_per_second": round(filled.events / seconds),
        "core_cpu_seconds": round(max(cpu_seconds(node)[core] for core in cores), 3),
        "core_memory_mb": sum(memory_mb(node)[core] for core in cores),
    }
    try:
        right = proves(node, filled, seed)
    finally:
        node.stop()
    return found, right


def proves(node: Node, filled: Filled, seed: int) -> bool:
    """The last message of the filling is answered as the first time; the story goes on; the view agrees."""
    driver = Driver(node.endpoints.commands)
    driver.play([filled.last])
    again = set(driver.committed)
    if len(again) != filled.last[1] or driver.others or sum(driver.positions.values()) > filled.events:
        progress(f"NOT VERIFIED: sent again, {len(again)} committed, others: {driver.others[:3]}")
        return False
    story = tell(PROBES, 1, filled.aggregates, seed, after=filled.story())
    driver.play(story.messages)
    filled.note(story)
    view = node.endpoints.queries[VIEW]
    for reached in driver.positions.items():
        ask(view, "positions", at_least=reached, timeout_ms=60_000)
    readers = DataDirectory(node.data).readers()
    stored = sum(reader.position() for reader in readers)
    for reader in readers:
        reader.close()
    if stored != filled.events:
        progress(f"NOT VERIFIED: {stored} events stored, {filled.events} expected")
        return False
    return holds(story, driver, again, view, filled.aggregates)


def stored_bytes(data: Path, partitions: int, events: int) -> int:
    """Bytes of the event store on disk, per event."""
    files = [DataDirectory(data).store_file(p) for p in range(partitions)]
    return round(sum(file.stat().st_blocks * 512 for file in files) / events)


if __name__ == "__main__":
    main()
