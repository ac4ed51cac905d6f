"""Who sends: the senders of a running node, as `top`, `doctor` and `health` name them. Clients of one process
are told of together, and a process by its program; what the node itself sends, by the name of the part."""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from engine.base.log import printable
from engine.cli.observing import Observation
from engine.node.roles import GATEWAY, INPUT
from engine.node.senders import Sender, read_senders

LONGEST_NAME = 60
SHOWN = 3


class Sending(NamedTuple):
    """One who sends. `per_s`: commands, by HTTP requests; `turned_away_per_s`: those of them that were."""

    name: str
    per_s: float
    turned_away_per_s: float

    def text(self) -> str:
        """For people."""
        away = f", {self.turned_away_per_s:,.0f}/s turned away" if self.turned_away_per_s >= 0.5 else ""
        return f"{self.name} {self.per_s:,.{0 if self.per_s >= 9.5 else 1}f}/s{away}"


def senders_of(seen: Observation) -> dict[str, list[Sending]]:
    """Who has sent most in the last ten seconds, by the process that took it: `input`, and `gateway` for what
    came by HTTP."""
    parts = {int(row["pid"]): name for name, row in seen.rows.items() if row["pid"]}
    found = {}
    for role in (INPUT, GATEWAY):
        if role.name in seen.rows:
            found[role.name] = _together(read_senders(seen.node.run, role.name).senders, parts)
    return found


def lines_of(senders: Mapping[str, Iterable[Sending]]) -> list[str]:
    """A line for each process that took something."""
    titles = {INPUT.name: "senders", GATEWAY.name: "by HTTP"}
    lines = []
    for process, some in senders.items():
        told = [one.text() for one in some]
        more = f"; {len(told) - SHOWN} more" if len(told) > SHOWN else ""
        if told:
            lines.append(f"{titles[process]}: {'; '.join(told[:SHOWN])}{more}")
    return lines


def documents(senders: Mapping[str, Iterable[Sending]]) -> dict[str, list[dict[str, Any]]]:
    """The same for programs."""
    return {process: [one._asdict() for one in some] for process, some in senders.items()}


def flooder(senders: Mapping[str, Iterable[Sending]]) -> str:
    """The one whose commands are turned away most, and where it comes from if that is the gateway; empty if
    none is."""
    most = max(senders.get(INPUT.name, ()), key=lambda one: one.turned_away_per_s, default=None)
    if most is None or most.turned_away_per_s < 1:
        return ""
    behind: list[Sending] = []
    if most.name == GATEWAY.name:
        behind = sorted(senders.get(GATEWAY.name, ()), key=lambda one: -one.per_s)[:1]
    return ", there ".join(one.text() for one in (most, *behind))


def _together(senders: Iterable[Sender], parts: Mapping[int, str]) -> list[Sending]:
    """Those of one process as one."""
    groups: dict[object, list[Sender]] = {}
    for sender in senders:
        groups.setdefault(sender.pid or sender.name, []).append(sender)
    found = [
        Sending(
            _name(group, parts),
            round(sum(one.per_s for one in group), 1),
            round(sum(one.turned_away_per_s for one in group), 1),
        )
        for group in groups.values()
    ]
    return sorted(found, key=lambda one: -one.per_s)


def _name(group: list[Sender], parts: Mapping[int, str]) -> str:
    pid = group[0].pid
    if not pid:
        return printable(group[0].name)
    if pid in parts:
        return parts[pid]
    clients = f", {len(group)} clients" if len(group) > 1 else ""
    with contextlib.suppress(psutil.Error):
        return f"{program_in(psutil.Process(pid).cmdline())} (pid {pid}{clients})"
    return f"pid {pid}{clients}, which has ended"


def program_in(arguments: list[str]) -> str:
    """The program of a command line, without its options and arguments, among which may be secrets."""
    if not arguments:
        return "a program"
    told = [Path(arguments[0]).name]
    for number, argument in enumerate(arguments[1:], 1):
        if argument == "-m":
            told += arguments[number : number + 2]
            break
        if not argument.startswith("-") or argument == "-c":
            told.append(argument)
            break
    line = printable(" ".join(told))
    return line if len(line) <= LONGEST_NAME else f"…{line[-LONGEST_NAME:]}"
