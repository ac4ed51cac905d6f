"""The overview of a running node: a line for each process with how far it is behind, and what an operator
should know of the whole."""

from datetime import timedelta
from typing import Any

from engine.node.clock import SYSTEM, shown
from engine.node.data_directory import DataDirectory
from engine.node.endpoints import Endpoints
from engine.node.followers import followers
from engine.node.roles import INPUT, Kind, Role

UNKNOWN = ("lag", "lag_s", "dead_letters", "outbox", "timers")


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
