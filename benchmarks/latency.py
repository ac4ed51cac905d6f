"""How long until a command is durable? `python -m benchmarks.latency --rate 20000 --lone --idle --json`

Open loop: command k is planned at k / rate seconds, whatever the node does, and its latency runs from that
planned time to its `committed` answer, so a stall is charged to every command that it delayed.

      one generator process ──── at each tick: all commands due, as one message ────▶ node
                            ◀─── answers, received between two ticks ────

The generator sleeps in `select` until the next tick or the next answer. It never spins, since it shares the
machine with the node. Waiting for the tick is the client's batching, and it counts: half a tick on average.
The lateness of the generator itself is reported too (`generator_late_ms`: time of sending − tick).

`--lone`: one command at a time, at once after the last answer, and again each after a pause in which all
processes have parked. `--idle`: CPU time of all processes of a node without work, the supervisor included.
"""

import argparse
import gc
import select
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import zmq

from benchmarks.driver import PATIENCE_MS, Answer, Driver, ask, decode
from benchmarks.figures import facts, percentiles, progress, show
from benchmarks.processes import cpu_seconds
from benchmarks.selling import Message, tell
from benchmarks.throughput import APP, DURABILITY, VIEW, holds, stored
from engine import Node

SETTLE_S = 2.0  # after this long without work the processes park with their longest patience
PAUSE_S = 0.01  # between lone commands: long enough for every process to have parked
WARM_UP = 2_000


class _Id(msgspec.Struct):
    id: str


def main() -> None:
    """One node on an empty directory, measured idle, with lone commands, then under load, as asked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.latency",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rate", type=int, default=20_000, help="commands per second (20000)")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long (10)")
    parser.add_argument("--tick-ms", type=float, default=1.0, help="time between two messages (1)")
    parser.add_argument("--aggregates", type=int, default=1, help="train-runs they spread over (1)")
    parser.add_argument("--partitions", type=int, default=1, help="cores of the node (1)")
    parser.add_argument("--lone", nargs="?", type=int, const=500, default=0, help="lone commands too (500)")
    parser.add_argument("--idle", nargs="?", type=float, const=10.0, default=0, help="idle seconds too (10)")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--dir", default=None, help="where the data directory is made; the disk to measure")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    report = facts(DURABILITY) | measure(options)
    show(report, options.json)
    if not report["verified"]:
        sys.exit(1)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The report of one node."""
    offered = round(options.rate * options.seconds)
    story = tell(WARM_UP + 2 * options.lone + offered, 1, options.aggregates, options.seed)
    messages = iter(story.messages)
    warm_up, lone, paused, load = (
        [next(messages) for _ in range(count)] for count in (WARM_UP, options.lone, options.lone, offered)
    )
    report: dict[str, Any] = {}
    # In an open loop a stall shows as latency; with the default bound of 25 ms it would be answered busy.
    settings = {"partitions": options.partitions, "max_wait_ms": 1_000}
    with tempfile.TemporaryDirectory(prefix="ringfold-", dir=options.dir) as folder:
        node = Node(Path(folder) / "data", app=APP, settings=settings)
        with node:
            if options.idle:
                report["idle_percent_of_a_core"] = idle(node, options.idle)
            driver = Driver(node.endpoints.commands)
            driver.open_runs(options.aggregates)
            opened = set(driver.committed)
            driver.play(warm_up)
            if lone:
                report["lone_ms"] = percentiles([driver.play([one]) for one in lone], 1000)
                report["lone_after_pause_ms"] = percentiles(after_pauses(driver, paused), 1000)
            before = cpu_seconds(node, client=True)
            report |= open_loop(driver, load, options.rate, options.tick_ms / 1000)
            spent = {name: after - before[name] for name, after in cpu_seconds(node, client=True).items()}
            report["cpu_percent"] = {name: round(100 * s / options.seconds, 1) for name, s in spent.items()}
            view = node.endpoints.queries[VIEW]
            for reached in driver.positions.items():
                ask(view, "positions", at_least=reached, timeout_ms=60_000)
            verified = holds(story, driver, opened, view, options.aggregates)
        verified &= stored(Path(folder) / "data", options.partitions, len(story.ids | opened))
    return {
        **report,
        "rate": options.rate,
        "seconds": options.seconds,
        "commands": offered,
        "batch": f"per tick of {options.tick_ms:g} ms: {report['batch_mean']} commands a message",
        "aggregates": options.aggregates,
        "partitions": options.partitions,
        "seed": options.seed,
        "verified": verified,
    }


def open_loop(driver: Driver, load: Sequence[Message], rate: int, tick_s: float) -> dict[str, Any]:
    """Sends everything when it is due; percentiles in ms of `committed` − planned."""
    planned_s = {json_id(body): number / rate for number, (body, _) in enumerate(load)}
    bodies = [body for body, _ in load]
    arrivals: list[tuple[float, list[Answer]]] = []
    late: list[float] = []
    send, receive, wake = driver.socket.send, driver.socket.recv, driver.socket.fileno()
    sent, waiting, total, ticks = 0, 0, len(bodies), 0
    gc.collect()
    gc.disable()  # the generator's own pauses are not the node's latency
    clock = time.perf_counter
    start = clock() + tick_s
    until = start + total / rate + PATIENCE_MS / 1000
    while sent < total or waiting:
        now = clock()
        if sent < total and now >= start + ticks * tick_s:
            due = min(total, int((now - start) * rate) + 1)
            if due > sent:
                send(b"[" + b",".join(bodies[sent:due]) + b"]")
                late.append(now - start - ticks * tick_s)
                waiting += due - sent
                sent = due
            ticks = int((now - start) / tick_s) + 1
        try:
            # Until there are no more: only then does the socket's descriptor tell of new ones.
            while True:
                frame = receive(zmq.NOBLOCK)
                answers = decode(frame)
                arrivals.append((clock(), answers))
                waiting -= sum([len(answer.ids) or 1 for answer in answers])
        except zmq.Again:
            pass
        now = clock()
        if now > until:
            raise TimeoutError(f"{waiting} commands without an answer")
        pause = start + ticks * tick_s - now if sent < total else 0.1
        if pause > 0:
            select.select([wake], [], [], pause)
    gc.enable()
    latencies: list[float] = []
    for at, answers in arrivals:
        driver.note(answers)
        for answer in answers:
            latencies += [at - start - planned_s[id] for id in answer.ids or [answer.id or ""]]
    ended = max(at for at, _ in arrivals) - start
    return {
        **{f"{name}_ms": value for name, value in percentiles(latencies, 1000).items()},
        "achieved_per_second": round(total / ended),
        "messages": len(late),
        "batch_mean": round(total / len(late), 1),
        "tick_ms": tick_s * 1000,
        "generator_late_ms": percentiles(late, 1000),
    }


def after_pauses(driver: Driver, messages: Sequence[Message]) -> list[float]:
    """Seconds until the answer to each, sent into a node that has parked."""
    pause = threading.Event()
    found: list[float] = []
    for message in messages:
        pause.wait(PAUSE_S)
        found.append(driver.play([message]))
    return found


def idle(node: Node, seconds: float) -> dict[str, float]:
    """Per cent of one core, by process and together, once the node has settled."""
    pause = threading.Event()
    pause.wait(SETTLE_S)
    before, started = cpu_seconds(node), time.perf_counter()
    pause.wait(seconds)
    passed = time.perf_counter() - started
    used = {name: 100 * (after - before[name]) / passed for name, after in cpu_seconds(node).items()}
    progress(f"idle: {sum(used.values()):.2f} % of one core")
    return {name: round(share, 3) for name, share in {"together": sum(used.values()), **used}.items()}


def json_id(body: bytes) -> str:
    """The id of an encoded command."""
    return msgspec.json.decode(body, type=_Id).id


if __name__ == "__main__":
    main()
