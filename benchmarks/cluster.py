"""How fast are several nodes? `python -m benchmarks.cluster --commands 200000 --lone 300 --json`

Two nodes over three NATS servers, all on this machine, one partition, one view. One client process sells and
releases seats through one node, whichever owns the partition, with at most 40,000 commands in flight. A
command counts when its `committed` answer is back. `lone_ms`: one command at a time, from the client and
back.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.driver import PATIENT, Driver
from benchmarks.figures import facts, percentiles, progress, show
from benchmarks.processes import cpu_seconds
from benchmarks.selling import tell
from benchmarks.throughput import APP, VIEW, holds, stored
from domain_12306.messages import ReserveSeats
from domain_12306.workload.synthetic import SEAT_CLASS, open_synthetic_run, run_name, station
from engine import Client, Node
from engine.cluster.founding import found, manifest_of
from engine.cluster.servers import Servers
from engine.model.loading import load_app
from engine.node.config import load
from tests.deadline import until

DURABILITY = "flushed by a majority of servers, and in the event store, before each answer"
OWNER_S = 30.0


def main() -> None:
    """One run on empty directories."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--commands", type=int, default=200_000, help="how many (200000)")
    parser.add_argument("--batch", type=int, default=100, help="commands per message (100)")
    parser.add_argument("--aggregates", type=int, default=2_000, help="train-runs they spread over (2000)")
    parser.add_argument("--nodes", type=int, default=2, help="how many (2)")
    parser.add_argument("--lone", type=int, default=200, help="lone commands (200)")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    report = facts(DURABILITY) | measure(options)
    show(report, options.json)
    if not report["verified"]:
        sys.exit(1)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The report."""
    story = tell(options.commands, options.batch, options.aggregates, options.seed)
    with tempfile.TemporaryDirectory(prefix="ringfold-") as text, contextlib.ExitStack() as stack:
        folder = Path(text)
        servers = stack.enter_context(Servers(folder / "nats"))
        shared = {"cluster": servers.urls, "cluster_monitors": servers.monitors}
        settings = load({"app": APP} | shared, os.environ)
        app = load_app(settings.app(), settings.app_settings)
        found(settings.config, manifest_of(app, 1))
        nodes = [
            stack.enter_context(
                Node(
                    folder / f"data-{number}", app=APP, settings=PATIENT | shared | {"node": f"node-{number}"}
                )
            )
            for number in range(options.nodes)
        ]
        owner = until(lambda: next((node for node in nodes if owns(node)), None), OWNER_S)
        assert owner is not None
        progress(f"node-{nodes.index(owner)} owns the partition")
        driver = Driver(owner.endpoints.commands)
        driver.open_runs(options.aggregates)
        opened = set(driver.committed)
        before = spent(nodes, servers)
        seconds = driver.play(story.messages)
        cost = {name: after - before[name] for name, after in spent(nodes, servers).items()}
        verified = holds(story, driver, opened, owner.endpoints.queries[VIEW], options.aggregates)
        lone = {where: alone(node, options.lone, where) for where, node in places(nodes, owner)}
        for node in nodes:
            verified &= node.stop() == 0
        commits = len(story.ids | opened) + 2 * (options.lone * len(lone) + len(lone)) // 2
        verified &= all(stored(folder / f"data-{number}", 1, commits) for number in range(options.nodes))
    return {
        "commands_per_second": round(options.commands / seconds),
        "batch": options.batch,
        "aggregates": options.aggregates,
        "commands": options.commands,
        "nodes": options.nodes,
        "verified": verified,
        **lone,
        "cpu_us_per_command": {name: round(s / options.commands * 1e6, 2) for name, s in cost.items()},
    }


def owns(node: Node) -> bool:
    """True if it owns a partition."""
    assert node.page is not None
    return bool(node.page.slot("member").owned)


def places(nodes: list[Node], owner: Node) -> list[tuple[str, Node]]:
    """The owner, and a node that is none."""
    return [
        ("at_the_owner", owner),
        ("elsewhere", next((node for node in nodes if node is not owner), owner)),
    ]


def alone(node: Node, count: int, place: str) -> dict[str, Any]:
    """Latencies of lone commands at one node, of two kinds of answer in turn."""
    waits: dict[str, list[float]] = {"accepted": [], "committed": []}
    run = run_name(1_000_000 + len(place))
    with Client(node.endpoints) as client:
        client.send(open_synthetic_run(run)).raise_for_outcome()
        for number in range(count):
            wait = "accepted" if number % 2 else "committed"
            at = number % 10
            command = ReserveSeats(
                run,
                order=f"{place}-{number}",
                seat_class=SEAT_CLASS,
                board=station(at),
                alight=station(at + 1),
                passengers=["p"],
            )
            began = time.perf_counter()
            client.send(command, wait=wait)
            waits[wait].append(time.perf_counter() - began)
            time.sleep(0.01)
    return {f"{wait}_ms": percentiles(times, 1000) for wait, times in waits.items()}


def spent(nodes: list[Node], servers: Servers) -> dict[str, float]:
    """CPU time so far, by role: what processes of one name took on all nodes, the client, and all servers."""
    found: dict[str, float] = {}
    for number, node in enumerate(nodes):
        for name, seconds in cpu_seconds(node, client=number == 0).items():
            found[name] = found.get(name, 0.0) + seconds
    took = [psutil.Process(servers.pid(number)).cpu_times() for number in servers.alive()]
    return found | {"nats": sum(one.user + one.system for one in took)}


if __name__ == "__main__":
    main()
