"""What does it cost to send commands again? `python -m benchmarks.duplicates --batch 1000 --json`

Sends a story as `benchmarks.throughput` does, then every command of it again, as often as `--times` says, by
another client each time. The ratios are of sending again to sending: of the time that it takes, and of the
node's CPU time. `--spread` sends the commands again in another order, so that neighbours are answered from
different records.
"""

import argparse
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.driver import PATIENT, Driver
from benchmarks.figures import facts, progress, show
from benchmarks.processes import cpu_seconds, memory_mb
from benchmarks.selling import Message, tell
from benchmarks.throughput import APP, DURABILITY
from engine import Node

decode = msgspec.json.Decoder(list[msgspec.Raw]).decode


def main() -> None:
    """Sends, then sends again."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.duplicates", description=__doc__)
    parser.add_argument("--batch", type=int, default=1_000, help="commands per message (1000)")
    parser.add_argument("--aggregates", type=int, default=20, help="train-runs they spread over (20)")
    parser.add_argument("--commands", type=int, default=100_000, help="how many (100000)")
    parser.add_argument("--times", type=int, default=3, help="how often they are sent again (3)")
    parser.add_argument("--spread", action="store_true", help="again in another order")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    report = facts(DURABILITY) | compare(options)
    show(report, options.json)
    if not report["verified"]:
        sys.exit(1)


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """One node, on an empty directory."""
    story = tell(options.commands, options.batch, options.aggregates, options.seed)
    again = shuffled(story.messages, options.batch, options.seed) if options.spread else story.messages
    verified = True
    runs: list[tuple[float, float, int]] = []
    folder = tempfile.TemporaryDirectory(prefix="ringfold-")
    with folder, Node(Path(folder.name) / "data", app=APP, settings=PATIENT) as node:
        Driver(node.endpoints.commands).open_runs(options.aggregates)
        for _ in range(1 + options.times):
            driver, before = Driver(node.endpoints.commands), sum(cpu_seconds(node).values())
            at_rest = memory_mb(node)
            seconds = driver.play(again if runs else story.messages)
            cpu = sum(cpu_seconds(node).values()) - before
            grown = max(after - at_rest[name] for name, after in memory_mb(node).items())
            verified &= driver.committed == story.ids and not driver.others
            runs.append((seconds, cpu, grown))
            progress(f"{len(runs)}: {seconds:.2f} s, {cpu:.2f} s of CPU, {grown} MB more in one process")
    first, *rest = runs
    return {
        "ratio_time": round(statistics.median(seconds for seconds, _, _ in rest) / first[0], 2),
        "ratio_cpu": round(statistics.median(cpu for _, cpu, _ in rest) / first[1], 2),
        "grown_mb": {"sending": first[2], "resending": max(grown for _, _, grown in rest)},
        "batch": options.batch,
        "aggregates": options.aggregates,
        "commands": options.commands,
        "spread": options.spread,
        "seed": options.seed,
        "verified": verified,
    }


def shuffled(messages: list[Message], batch: int, seed: int) -> list[Message]:
    """The same commands in messages of the same size, in a random order."""
    commands = [raw for body, count in messages for raw in (decode(body) if count > 1 else [body])]
    random.Random(seed).shuffle(commands)
    blocks = [commands[start : start + batch] for start in range(0, len(commands), batch)]
    return [(b"[" + b",".join(map(bytes, block)) + b"]", len(block)) for block in blocks]


if __name__ == "__main__":
    main()
