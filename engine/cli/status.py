"""`status`: what each process of a running node is doing."""

import argparse
import contextlib
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from engine.base.errors import Exit, RingfoldError
from engine.cli.asking import ask, followers
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.node.clock import SYSTEM, shown
from engine.node.data_directory import DataDirectory
from engine.node.endpoints import Endpoints
from engine.node.failure import read_failure
from engine.node.roles import INPUT, READER, Kind, Role
from engine.node.running import find_node
from engine.node.status import StatusPage

DESCRIPTION = """Shows what each process of the node that runs on a data directory is doing. Exit code 0 if
every process is at work, 75 if one is not or if no node is running.

  sequence      the last command that it handled
  position      the last event that it made, stored or applied
  lag           how many commands or events it is behind the process before it
  lag_s         of a view or process manager: the age in seconds of the oldest event not applied
  dead_letters  of a view or process manager: how many aggregates are set aside
  outbox        of a process manager: how many of its commands are not answered yet
  timers        of a process manager: how many timers are set
  restarts      how often it was started again"""
EXAMPLES = """
status
status --data /var/lib/notes --json
"""

NUMBERS = ("sequence", "position", "lag", "lag_s", "dead_letters", "outbox", "timers", "restarts")
HEADINGS = ("process", "state", "pid", *NUMBERS)
UNKNOWN = ("lag", "lag_s", "dead_letters", "outbox", "timers")
OTHER_CODE = "partly made by other code; give it the next version, or use `view rebuild`"
PATIENCE_S = 0.5  # for one that does not answer because it is busy, or gone


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    add_data_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints the table."""
    data = data_from(options)
    node = find_node(data)
    with StatusPage.attach(node.status) as page:
        snapshot, behind_ms = page.snapshot(), page.slot(INPUT.name).clock_behind_ms
        left = page.slot(READER.name).scrub_left
    rows = with_lags(snapshot, node)
    for follower in followers(node):
        row = rows[follower.role.name]
        with contextlib.suppress(RingfoldError):
            lags = ask(follower, "lag", timeout_s=PATIENCE_S)
            row["lag_s"] = max(lag["seconds"] for lag in lags.values())
            if follower.kind == "view":
                row["other_code"] = ask(follower, "versions", timeout_s=PATIENCE_S)["served"]["other_code"]
    told = notices(data, behind_ms, left)
    if options.json:
        print(json.dumps({"node": to_builtins(node), "notices": told, "processes": rows}))
    else:
        print(f"node {node.app}, pid {node.pid}, data {node.data}")
        print("".join(f"notice: {text}\n" for text in told), end="")
        for values in rows.values():
            values["pid"] = str(values["pid"])  # a name, not a number: for `kill`
        table = [HEADINGS, *(tuple(_text(values[key]) for key in HEADINGS) for values in rows.values())]
        for line in aligned(table):
            print(line)
        for name in (name for name, row in rows.items() if row.get("other_code")):
            print(f"{name}: {OTHER_CODE}")
        for follower in followers(node):
            failure = read_failure(DataDirectory(Path(node.data)).failure(follower.role.name))
            if failure is not None and rows[follower.role.name]["state"] == "failed":
                print(f"{follower.role.name}: failed since {failure.since}: {failure.cause}")
    well = all(values["state"] == "running" for values in rows.values())
    if not well:
        print("ringfold: not every process is at work", file=sys.stderr)
    return Exit.OK if well else Exit.TEMPORARY


def notices(data: DataDirectory, clock_behind_ms: int, scrub_left: int) -> list[str]:
    """What an operator should know of the whole node, a line each."""
    found = []
    if mode := data.open_to_others():
        found.append(f"others may enter the data directory (mode {mode}): chmod 700 {data.path}")
    if data.manifest.clock != SYSTEM:
        found.append(f"the clock is a simulated one, {data.manifest.clock}: it shows {shown(data.clock)}")
    if clock_behind_ms:
        behind = timedelta(milliseconds=clock_behind_ms)
        found.append(f"the clock is {behind} behind the time of the last command, which goes on from there")
    if scrub_left:
        found.append(f"the scrub has not reached {scrub_left:,} of the oldest events yet")
    return found


def with_lags(snapshot: dict[str, dict[str, Any]], node: Endpoints) -> dict[str, dict[str, Any]]:
    """Adds `process` and `lag` to each line: commands for cores, events for outputs and those who follow
    them. `lag_s` and `dead_letters` are None for all others, `outbox` and `timers` for all but process
    managers.

    Sequences are counted over all partitions, so with more than one a core's lag is unknown (None).
    """
    rows = {name: {**values, "process": name, **dict.fromkeys(UNKNOWN)} for name, values in snapshot.items()}
    stored = 0
    for p in range(node.partitions):
        core, output = rows[Role(Kind.CORE, p).name], rows[Role(Kind.OUTPUT, p).name]
        if node.partitions == 1:
            core["lag"] = max(0, rows[INPUT.name]["sequence"] - core["sequence"])
        output["lag"] = max(0, core["position"] - output["position"])
        stored += output["position"]
    for follower in followers(node):
        row, kept = rows[follower.role.name], snapshot[follower.role.name]
        row["lag"] = max(0, stored - row["position"])
        row["dead_letters"] = kept["dead_letters"]
        if follower.role.kind is Kind.MANAGER:
            row["outbox"], row["timers"] = kept["outbox"], kept["timers"]
    return rows


def aligned(table: list[tuple[str, ...]]) -> list[str]:
    """Lines of columns: the first two to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return [
        "  ".join(
            text.ljust(width) if column < 2 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
