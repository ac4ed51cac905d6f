"""The gateway: commands a second singly and in arrays, what a ZeroMQ client keeps beside it, and streams that
are late.

    python -m benchmarks.gateway
    python -m benchmarks.gateway --commands 20000 --batch 500 --filtered 450 --unfiltered 50 --rate 1000

    senders ──HTTP──▶ gateway ──▶ the node ──▶ answers          (one process of senders)
    client ──ZeroMQ──▶ the node ──▶ gateway ──▶ streams          (one process of listeners)

Every command must be committed, and every stream must get each of its events once. `kept` is what the client
reaches beside a busy gateway, as a part of what it would with the CPU that this leaves.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.figures import facts, percentiles, progress, show
from benchmarks.http_load import Listening, Sending, request
from benchmarks.processes import cpu_seconds, memory_mb
from engine import Client, EventLog, Node
from examples.notes.messages import ChangeTitle, CreateNote

APP = "examples.notes:app"
BUSY_S = 0.05  # CPU time of a gateway that is asked
FURTHER = 1_000_000  # other titles than before
TICK_S = 0.01  # of the client that sends while there are streams


def main() -> None:
    """Measures, verifies, prints."""
    options = arguments().parse_args()
    settings = {"http": "127.0.0.1:0", "segment_bytes": "16MiB"}
    with tempfile.TemporaryDirectory(prefix="ringfold-bench-") as folder:
        log = Path(folder) / "log"
        with Node(Path(folder) / "data", app=APP, settings=settings, log=log) as node:
            with Client(node.endpoints) as client:
                for receipt in client.send_many(
                    CreateNote(name(n), title="new") for n in range(options.aggregates)
                ):
                    receipt.raise_for_outcome()
            report = singly(node, options) | in_arrays(node, options)
            node_us = sum(used for part, used in report["singly_cpu_us"].items() if part != "gateway")
            report |= beside(node, options, node_us) | streams(node, options)
            report["memory_mb"] = memory_mb(node)["gateway"]
            report["verified"] = True  # or it would have raised
    show(report | facts("fdatasync of the journal, fsync of the store"), options.json)


def singly(node: Node, options: argparse.Namespace) -> dict[str, Any]:
    """Commands one by one."""
    requests = [
        request(node.endpoints.http, "/api/commands/note.change-title", body(n, options.aggregates))
        for n in range(options.commands)
    ]
    progress(f"{options.commands} commands singly over {options.connections} connections")
    seconds, latencies, cpu = measured(node, requests, options.connections)
    return {
        "singly_per_second": round(options.commands / seconds),
        "singly_ms": percentiles(latencies, 1000),
        "singly_cpu_us": {part: round(used / options.commands * 1e6, 1) for part, used in cpu.items()},
    }


def in_arrays(node: Node, options: argparse.Namespace) -> dict[str, Any]:
    """Commands in arrays."""
    count = options.array_commands // options.batch
    requests = []
    for k in range(count):
        bodies = [body(k * options.batch + n, options.aggregates) for n in range(options.batch)]
        path = "/api/commands/note.change-title"
        requests.append(request(node.endpoints.http, path, b"[" + b",".join(bodies) + b"]"))
    progress(f"{count} arrays of {options.batch} commands over {options.array_connections} connections")
    seconds, latencies, cpu = measured(node, requests, options.array_connections)
    total = count * options.batch
    return {
        "arrays_per_second": round(total / seconds),
        "arrays_ms": percentiles(latencies, 1000),
        "arrays_cpu_us": {part: round(used / total * 1e6, 1) for part, used in cpu.items()},
    }


def measured(
    node: Node, requests: list[bytes], connections: int
) -> tuple[float, list[float], dict[str, float]]:
    """(seconds, latencies, CPU seconds by process) of requests that must all be answered 200."""
    before = cpu_seconds(node)
    seconds, latencies, failed = Sending(node.endpoints.http, requests, connections).run()
    after = cpu_seconds(node)
    if failed or len(latencies) != len(requests):
        raise AssertionError(f"{failed} of {len(requests)} requests were not answered as they should be")
    parts = ("gateway", "input", "core-0", "output-0")
    return seconds, latencies, {part: after[part] - before[part] for part in parts}


def beside(node: Node, options: argparse.Namespace, node_us: float) -> dict[str, Any]:
    """A client that sends by ZeroMQ as fast as it can, alone and while others send singly by HTTP.
    `node_us`: what one of theirs costs the node, without the gateway."""
    progress(f"{options.direct} commands by ZeroMQ, alone and beside {options.connections} connections")
    alone_s, alone_cpu, _ = directly(node, options)
    requests = [
        request(node.endpoints.http, "/api/commands/note.change-title", body(n, options.aggregates))
        for n in range(FURTHER, FURTHER + options.beside)
    ]
    sending = Sending(node.endpoints.http, requests, options.connections)
    begin_s = cpu_seconds(node)["gateway"] + BUSY_S
    sending.begin()
    while cpu_seconds(node)["gateway"] < begin_s and not sending.over:
        time.sleep(TICK_S)
    sender = psutil.Process(sending.pid)
    before_s: float = sum(sender.cpu_times()[:2])
    stored = position(node)
    seconds, cpu, gateway_s = directly(node, options)
    singles = position(node) - stored - options.direct
    sent_s: float = sum(sender.cpu_times()[:2]) - before_s
    if sending.over:
        raise AssertionError("the gateway was not busy to the end: --beside says how many requests there are")
    _, _, failed = sending.end()
    if failed:
        raise AssertionError(f"{failed} requests were not answered as they should be")
    left = len(os.sched_getaffinity(0)) - (sent_s + gateway_s + singles * node_us / 1e6) / seconds
    possible = min(options.direct / alone_s, left * options.direct / alone_cpu)
    return {
        "direct_alone_per_second": round(options.direct / alone_s),
        "direct_beside_per_second": round(options.direct / seconds),
        "singly_beside_per_second": round(singles / seconds),
        "direct_cpu_us": {
            "alone": per(alone_cpu, options.direct),
            "beside": per(cpu - gateway_s - singles * node_us / 1e6, options.direct),
        },
        "cores_used_beside": round((cpu + sent_s) / seconds, 2),
        "kept": round(options.direct / seconds / possible, 3),
    }


def directly(node: Node, options: argparse.Namespace) -> tuple[float, float, float]:
    """(seconds, CPU seconds of the node and of this process, those of the gateway) of commands by ZeroMQ."""
    with Client(node.endpoints) as client:
        before, began = cpu_seconds(node, client=True), time.perf_counter()
        commands = (
            ChangeTitle(name(n % options.aggregates), title=f"{began} {n}") for n in range(options.direct)
        )
        for receipt in client.send_many(commands):
            if receipt.outcome != "committed":
                raise AssertionError(f"a command was {receipt.outcome}")
        seconds = time.perf_counter() - began
        after = cpu_seconds(node, client=True)
    used = {part: after[part] - before[part] for part in after}
    return seconds, sum(used.values()), used["gateway"]


def per(cpu: float, commands: int) -> float:
    """CPU of a command, in µs."""
    return round(cpu / commands * 1e6, 1)


def streams(node: Node, options: argparse.Namespace) -> dict[str, Any]:
    """Streams of one aggregate each, and of all, while a client sends at a steady rate."""
    filtered = [f"/api/events?aggregate={name(n)}" for n in range(options.filtered)]
    paths = [*filtered, *["/api/events"] * options.unfiltered]
    progress(f"{len(paths)} streams, {options.rate} events a second for {options.seconds} s")
    begin = position(node)
    with Listening(node.endpoints.http, paths) as listening, Client(node.endpoints) as client:
        before, began = cpu_seconds(node), time.monotonic()
        sent = [0] * options.aggregates
        total, ticks = 0, 0
        while (now := time.monotonic()) < began + options.seconds:
            due = int((now - began) * options.rate) - total
            commands = []
            for n in range(total, total + due):
                sent[n % options.aggregates] += 1
                commands.append(ChangeTitle(name(n % options.aggregates), title=str(time.monotonic_ns())))
            for receipt in client.send_many(commands):
                if receipt.outcome != "committed":
                    raise AssertionError(f"a command was {receipt.outcome}")
            total, ticks = total + due, ticks + 1
            time.sleep(max(0.0, began + ticks * TICK_S - time.monotonic()))
        seconds = time.monotonic() - began
        expected = [*sent[: options.filtered], *[total] * options.unfiltered]
        counts, late = listening.heard(expected)
        used = cpu_seconds(node)["gateway"] - before["gateway"]
    if counts != expected or position(node) - begin != total:
        wrong = sum(one != wanted for one, wanted in zip(counts, expected, strict=True))
        raise AssertionError(f"{wrong} streams did not get each of their events once")
    return {
        "events_per_second": round(total / seconds),
        "deliveries_per_second": round(len(late) / seconds),
        "late_ms": percentiles(late, 1000),
        "streams_cpu_of_a_core": round(used / seconds, 2),
    }


def position(node: Node) -> int:
    """The last one stored."""
    with EventLog(node.data) as log:
        return sum(log.positions())


def name(number: int) -> str:
    """A note."""
    return f"note-{number}"


def body(number: int, aggregates: int) -> bytes:
    """A command that changes something."""
    return json.dumps({"aggregate": name(number % aggregates), "title": f"title {number}"}).encode()


def arguments() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser("python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--commands", type=int, default=20_000, help="sent singly")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--array-commands", type=int, default=200_000, help="sent in arrays")
    parser.add_argument("--array-connections", type=int, default=4)
    parser.add_argument("--batch", type=int, default=1_000, help="commands of an array")
    parser.add_argument("--aggregates", type=int, default=1_000)
    parser.add_argument("--direct", type=int, default=200_000, help="sent by ZeroMQ, alone and beside others")
    parser.add_argument("--beside", type=int, default=40_000, help="sent singly meanwhile, or longer")
    parser.add_argument("--filtered", type=int, default=450, help="streams of one aggregate")
    parser.add_argument("--unfiltered", type=int, default=50, help="streams of all events")
    parser.add_argument("--rate", type=int, default=1_000, help="events a second")
    parser.add_argument("--seconds", type=float, default=15.0, help="of streams")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser


if __name__ == "__main__":
    main()
