"""How long does it take to rebuild a view, and do queries notice? `python -m benchmarks.rebuild --events
1000000 --json`

      fill a node ─▶ build again at rest ─▶ build again while it sells and a client asks ─▶ compare
                     └── old = new? ──┘     └── no query fails, `seconds_while_selling` ──┘

The view of seats left is built from the first event, in a process of its own that gives way to all others,
and takes over under the same socket. At rest the new view must answer for every run exactly as the old one
did. While the node sells at `--rate`, a client asks all the time. Every query must be answered, and its
latency is reported; afterwards the view must agree with the story of the sales.
"""

import argparse
import random
import sys
import tempfile
import time
from multiprocessing.synchronize import Event as Flag
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.asking import spawning
from benchmarks.driver import PATIENCE_MS, PATIENT, Driver, ask
from benchmarks.figures import facts, percentiles, progress, show
from benchmarks.processes import cpu_seconds
from benchmarks.replay import START_TIMEOUT_S, fill
from benchmarks.selling import Story, tell
from benchmarks.throughput import APP, DURABILITY, VIEW, holds
from domain_12306.workload.synthetic import run_name
from engine import Node
from engine.client.sockets import dealer

CHUNK_S = 0.2  # of sales, between two looks at how far the building is
PACE_S = 0.002  # from one question to the next, so that asking is a load but not the load


def main() -> None:
    """Fills, builds at rest, builds while selling."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rebuild",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--events", type=int, default=1_000_000, help="in the store at first (1000000)")
    parser.add_argument("--aggregates", type=int, default=1_000, help="train-runs they spread over (1000)")
    parser.add_argument("--partitions", type=int, default=1, help="cores of the node (1)")
    parser.add_argument("--rate", type=int, default=10_000, help="commands a second while building (10000)")
    parser.add_argument("--batch", type=int, default=100, help="commands per message (100)")
    parser.add_argument("--seed", type=int, default=2)
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
    filled = fill(options, data)
    with Node(data, app=APP, settings=PATIENT, start_timeout_s=START_TIMEOUT_S) as node:
        view = node.endpoints.queries[VIEW]
        before = answers(view, options.aggregates)
        at_rest = rebuilt(view)
        same = answers(view, options.aggregates) == before
        if not same:
            progress("NOT VERIFIED: at rest the new view answers otherwise than the old one")
        progress(f"built again at rest in {at_rest:.2f} s")
        with Asking(view, options.aggregates) as asking:
            selling = Selling(node, filled.story(), options)
            while_selling = rebuilt(view, selling.chunk)
            spent = cpu_seconds(node)
        progress(f"built again in {while_selling:.2f} s while {selling.commands:,} commands were sold")
        right = selling.right(view, options.aggregates)
        served = ask(view, "versions")["served"]
    return {
        "events": options.events,
        "seconds_at_rest": round(at_rest, 2),
        "events_per_second_at_rest": round(options.events / at_rest),
        "seconds_while_selling": round(while_selling, 2),
        "commands_while_building": selling.commands,
        "commands_per_second_while_building": round(selling.commands / selling.seconds),
        "rate": options.rate,
        **asking.report(),
        "projector_cpu_seconds": round(spent[f"projector-{VIEW}"], 2),
        "aggregates": options.aggregates,
        "partitions": options.partitions,
        "seed": options.seed,
        "verified": same and right and asking.failed == 0 and served["generation"] == 3,
    }


def answers(view: str, aggregates: int) -> list[Any]:
    """What the view says of every run."""
    found: list[Any] = [ask(view, "totals")]
    for number in range(aggregates):
        found.append(ask(view, "seat-map", args=of_run(number)))
        found.append(ask(view, "train", args=of_run(number)))
    return found


def of_run(number: int) -> dict[str, str]:
    """The arguments that name a run."""
    train, _, date = run_name(number).partition("/")
    return {"train": train, "date": date}


def rebuilt(view: str, meanwhile: Any = lambda: time.sleep(0.02)) -> float:
    """Has the view built again; returns the seconds until it is served."""
    started = time.perf_counter()
    aim = ask(view, "rebuild", once=True)["folder"]
    while True:
        found = ask(view, "versions")
        if found["served"]["folder"] == aim:
            return time.perf_counter() - started
        if found["building"] is None or found["building"]["state"] == "failed":
            raise AssertionError(f"the view was not built: {found}")
        meanwhile()


class Selling:
    """Sales at a steady rate, a chunk at a time."""

    def __init__(self, node: Node, story: Story, options: argparse.Namespace) -> None:
        self.commands = 0
        self._options, self._story = options, story
        self._driver = Driver(node.endpoints.commands)
        self._ids: set[str] = set()
        self._started = time.perf_counter()
        self.seconds = 0.0

    def chunk(self) -> None:
        """The next chunk, when it is due."""
        many, options = max(1, round(self._options.rate * CHUNK_S)), self._options
        seed = options.seed + 2_000_000 + self.commands
        self._story = tell(many, options.batch, options.aggregates, seed, after=self._story)
        due = self._started + self.commands / options.rate
        time.sleep(max(0.0, due - time.perf_counter()))
        self._driver.play(self._story.messages)
        self._ids |= self._story.ids
        self.commands += many
        self.seconds = time.perf_counter() - self._started

    def right(self, view: str, aggregates: int) -> bool:
        """Every command committed once, and the view says of every run what the story says."""
        for reached in self._driver.positions.items():
            ask(view, "positions", at_least=reached, timeout_ms=60_000)
        return holds(self._story, self._driver, self._ids - self._story.ids, view, aggregates)


class Asking:
    """Questions from a process of their own, one at a time, for as long as the `with` lasts."""

    def __init__(self, view: str, aggregates: int) -> None:
        self._stop = spawning.Event()
        self._here, self._there = spawning.Pipe()
        self._process = spawning.Process(target=asker, args=(self._there, self._stop, view, aggregates))
        self.failed = 0
        self._latencies: list[float] = []

    def __enter__(self) -> "Asking":
        self._process.start()
        self._there.close()
        self._here.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.failed, self._latencies = self._here.recv()
        self._process.join()

    def report(self) -> dict[str, Any]:
        """How many were asked, how many failed, how long the answers took."""
        return {
            "queries": len(self._latencies),
            "queries_failed": self.failed,
            "query_ms": percentiles(self._latencies, 1000),
        }


def asker(pipe: Any, stop: Flag, view: str, aggregates: int) -> None:
    """The asking process: what is left of some run, again and again."""
    draw = random.Random(1)
    latencies: list[float] = []
    failed = 0
    socket = dealer(view)
    pipe.send("asking")
    while not stop.is_set():
        args = of_run(draw.randrange(aggregates))
        started = time.perf_counter()
        socket.send(msgspec.json.encode({"query": "train", "args": args, "request": len(latencies)}))
        answered = socket.poll(PATIENCE_MS) and msgspec.json.decode(socket.recv())
        latencies.append(time.perf_counter() - started)
        failed += not answered or not answered.get("answer")
        time.sleep(PACE_S)
    socket.close()
    pipe.send((failed, latencies))


if __name__ == "__main__":
    main()
