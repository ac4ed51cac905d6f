"""What do clients feel when a node is offered more than it can do? `python -m benchmarks.overload --json`

The handler is slowed, so that the node does about `--capacity` commands a second. A generator process offers
`--normal` of that, then `--factor` times that, in an open loop; another client sends one command at a time,
as a person does, and waits for its answer.

      generator ── at each tick: all that is due, in messages of --batch ────▶ node
      a person  ── one command, its answer, a pause, the next one ───────────▶

Latency runs from sending to `committed`, of what was not answered `busy`. The ratio is of the 99th percentile
under overload to the one before. Memory is of the node's processes.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import zmq

from benchmarks.driver import Driver, decode
from benchmarks.figures import facts, percentiles, progress, show
from benchmarks.processes import memory_mb
from engine import Aggregate, Client, Command, Engine, Event, Node, applies, handles
from engine.base.identity import uuid7_hex

DURABILITY = "journal and event store fsynced before each answer"
APP = "benchmarks.overload:create"
TICK_S = 0.002
PAUSE_S = 0.02
DRAIN_S = 10.0
AGGREGATES = 50
SETTINGS = ("busy_us",)


class Count(Command, name="slow.count"):
    """Counts one, slowly."""


class Counted(Event, name="slow.counted"):
    """One was counted."""


def create(settings: dict[str, str]) -> Engine:
    """The application, whose handler takes `busy_us` microseconds."""
    app = Engine("slow")
    busy_s = float(settings.get("busy_us", "0")) / 1e6

    @app.aggregate
    class Counter(Aggregate):
        """A counter."""

        def __init__(self, id: str) -> None:
            super().__init__(id)
            self.count = 0

        @handles(Count, exists="may")
        def counting(self, command: Count) -> Counted:
            """Decides, and takes its time over it."""
            until = time.perf_counter() + busy_s
            while time.perf_counter() < until:
                pass
            return Counted()

        @applies(Counted)
        def _counted(self, event: Counted) -> None:
            self.count += 1

    return app


def main() -> None:
    """Offers a normal load, then too much."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overload",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--capacity", type=int, default=15_000, help="commands a second (15000)")
    parser.add_argument("--normal", type=float, default=0.8, help="part of it that is normal (0.8)")
    parser.add_argument("--factor", type=float, default=10.0, help="times of it that are too much (10)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each (60)")
    parser.add_argument("--batch", type=int, default=10, help="most commands per message (10)")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--generate", nargs=2, metavar=("ENDPOINT", "RATE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.generate:
        endpoint, rate = options.generate
        print(msgspec.json.encode(generate(endpoint, float(rate), options.seconds, options.batch)).decode())
        return
    report = facts(DURABILITY) | measure(options)
    show(report, options.json)
    if not report["verified"]:
        sys.exit(1)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """One node, twice."""
    folder = tempfile.TemporaryDirectory(prefix="ringfold-")
    handler_us = 1e6 / options.capacity - 6.0  # the engine's part of a command
    settings = {"disk_reserve_bytes": 0, "busy_us": f"{handler_us:.1f}"}
    with folder, Node(Path(folder.name) / "data", app=APP, settings=settings) as node:
        generated(node, options.capacity * options.normal, 2.0, options)  # warm
        at_rest = memory_mb(node)
        normal = offer(node, options.capacity * options.normal, options)
        progress(f"normal: {normal}")
        overload = offer(node, options.capacity * options.factor, options)
        progress(f"overload: {overload}")
        grown = {name: after - at_rest[name] for name, after in memory_mb(node).items()}
    return {
        "normal": normal,
        "overload": overload,
        "ratio_p99": round(overload["admitted_ms"]["p99"] / normal["admitted_ms"]["p99"], 2),
        "grown_mb": grown,
        "capacity": options.capacity,
        "seconds": options.seconds,
        "batch": options.batch,
        "verified": not normal["unanswered"] and not overload["unanswered"],
    }


def offer(node: Node, rate: float, options: argparse.Namespace) -> dict[str, Any]:
    """The generator at this rate, and a person beside it."""
    latencies: list[float] = []
    refused = [0]
    over = threading.Event()
    person = threading.Thread(target=live, args=(node.data, over, latencies, refused))
    person.start()
    report = generated(node, rate, options.seconds, options)
    over.set()
    person.join()
    return report | {"person_ms": percentiles(latencies, 1000), "person_busy": refused[0]}


def generated(node: Node, rate: float, seconds: float, options: argparse.Namespace) -> dict[str, Any]:
    """What a generator process found."""
    command = [sys.executable, "-m", "benchmarks.overload", "--seconds", str(seconds)]
    command += ["--batch", str(options.batch), "--generate", node.endpoints.commands, str(rate)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = msgspec.json.decode(done.stdout)
    return found


def live(data: Path, over: threading.Event, latencies: list[float], refused: list[int]) -> None:
    """One command at a time; each is sent once."""
    with Client(data) as client:
        while not over.wait(PAUSE_S):
            started = time.perf_counter()
            receipt = client.send(Count(aggregate="person"), timeout_s=60.0)
            latencies.append(time.perf_counter() - started)
            refused[0] += receipt.outcome == "busy"


def generate(endpoint: str, rate: float, seconds: float, batch: int) -> dict[str, Any]:
    """Offers `rate` commands a second, whatever the node answers."""
    socket = Driver(endpoint).socket
    sent_at: dict[str, float] = {}
    latencies: list[float] = []
    counts = {"committed": 0, "busy": 0}
    clock = time.perf_counter
    started, sent, number = clock(), 0, 0
    total = int(rate * seconds)
    head = uuid7_hex()[:16]
    until = started + seconds + DRAIN_S
    while (sent < total or sent_at) and clock() < until:
        due = min(total, int((clock() - started) * rate))
        while sent < due:
            ids = [f"{head}{k:016x}" for k in range(number, number + min(batch, due - sent))]
            number += len(ids)
            body = ",".join(
                f'{{"type":"slow.count","aggregate":"c{k % AGGREGATES}","id":"{id}"}}'
                for k, id in enumerate(ids, sent)
            )
            now = clock()
            sent_at.update(dict.fromkeys(ids, now))
            socket.send(f"[{body}]".encode())
            sent += len(ids)
        socket.poll(int(TICK_S * 1000))
        try:
            while True:
                answers = decode(socket.recv(zmq.NOBLOCK))
                now = clock()
                for answer in answers:
                    ids = answer.ids or [answer.id or ""]
                    counts[answer.outcome] = counts.get(answer.outcome, 0) + len(ids)
                    for id in ids:
                        at = sent_at.pop(id)
                        if answer.outcome == "committed":
                            latencies.append(now - at)
        except zmq.Again:
            pass
    return {
        "offered_per_second": round(sent / seconds),
        "admitted_per_second": round(counts["committed"] / seconds),
        "answers": counts,
        "unanswered": len(sent_at),
        "admitted_ms": percentiles(latencies, 1000),
    }


if __name__ == "__main__":
    main()
