"""`health`: one line and an exit code, for monitoring."""

import argparse
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from engine.base.errors import RingfoldError
from engine.base.files import free_bytes
from engine.base.runbook import Page
from engine.cli.asking import Follower
from engine.cli.command import Program
from engine.cli.observing import Observation
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.cli.sizes import size_of, size_text
from engine.node.running import find_node

DESCRIPTION = """Looks at the node that runs on a data directory and prints one line: what it is, and why. The
exit code is for monitoring, and differs from that of other commands.

  0  ok        every process is at work, and no threshold is reached
  1  warning   something needs an operator, or is about to: a process is starting, a view is behind,
               something is set aside, the disk is filling up
  2  critical  commands or queries are refused, or no node is running

A threshold of 0 is never reached."""
EXAMPLES = """
health
health --lag-warning 5 --lag-critical 30
health --data /var/lib/notes --disk-warning 10GiB --json
"""
PASSING = ("starting", "replaying", "stopping")


class Level(IntEnum):
    """How bad it is; the exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


class Reason(NamedTuple):
    """Why it is so bad. `code`: for programs; `page`: of the runbook, which says what to do."""

    level: Level
    code: str
    text: str
    page: Page

    def document(self) -> dict[str, str]:
        """The same for programs."""
        told = {"level": self.level.name.lower(), "code": self.code, "text": self.text}
        return {**told, "runbook": self.page.path}


class Thresholds(NamedTuple):
    """From when on it is a warning, and from when on critical."""

    warning: float
    critical: float

    def level(self, value: float) -> Level:
        """The level of a value that is better the smaller it is."""
        if self.critical and value >= self.critical:
            return Level.CRITICAL
        return Level.WARNING if self.warning and value >= self.warning else Level.OK

    def level_of_room(self, value: float) -> Level:
        """The level of a value that is better the greater it is."""
        if self.critical and value < self.critical:
            return Level.CRITICAL
        return Level.WARNING if self.warning and value < self.warning else Level.OK


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    add_data_option(parser)
    add_json_option(parser)
    lag = "a view, process manager or worker is so far behind"
    for level, seconds in (("warning", 10.0), ("critical", 60.0)):
        text = f"{level} if {lag} ({seconds:g})"
        parser.add_argument(f"--lag-{level}", type=float, default=seconds, metavar="SECONDS", help=text)
    for level, number in (("warning", 1), ("critical", 0)):
        text = f"{level} if so many aggregates are set aside ({number})"
        parser.add_argument(f"--dead-letters-{level}", type=int, default=number, metavar="N", help=text)
    for level, known in (("warning", "twice the disk_reserve_bytes"), ("critical", "disk_reserve_bytes")):
        text = f"{level} if the disk has less room ({known} of the node)"
        parser.add_argument(f"--disk-{level}", type=size_of, metavar="SIZE", help=text)
    text = "warning if a process was started again so often (0)"
    parser.add_argument("--restarts-warning", type=int, default=0, metavar="N", help=text)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints the line."""
    reasons, well = reasons_and_summary(options)
    level = max((reason.level for reason in reasons), default=Level.OK)
    reasons.sort(key=lambda reason: -reason.level)
    told = "; ".join(reason.text for reason in reasons) or well
    with Printer(options) as printer:
        rows = [reason.document() for reason in reasons]
        printer.answer({"level": level.name.lower(), "reasons": rows}, f"{level.name}: {told}")
    return level


def reasons_and_summary(options: argparse.Namespace) -> tuple[list[Reason], str]:
    """What is wrong, and what is said if nothing is."""
    try:
        data = data_from(options)
        seen = Observation(data, find_node(data))
    except RingfoldError as error:
        return [Reason(Level.CRITICAL, "no-node", str(error), Page.STOPPED)], ""
    behind = max((row["lag_s"] or 0.0 for row in seen.rows.values()), default=0.0)
    return reasons_of(seen, options), f"{len(seen.rows)} processes at work, at most {behind:.1f} s behind"


def reasons_of(seen: Observation, options: argparse.Namespace) -> list[Reason]:
    """All that is wrong with a node that runs."""
    parts = (of_processes, of_followers, of_disk, of_memory)
    return [reason for part in parts for reason in part(seen, options)]


def usual_options() -> argparse.Namespace:
    """The thresholds that hold unless others are given."""
    parser = argparse.ArgumentParser()
    options(parser, Program())
    return parser.parse_args([])


def of_processes(seen: Observation, options: argparse.Namespace) -> Iterator[Reason]:
    """Of the state of each process."""
    failures = seen.failures()
    for name in seen.not_at_work():
        state = seen.rows[name]["state"]
        level = Level.WARNING if state in PASSING else Level.CRITICAL
        why = f": {failures[name].cause}" if name in failures else ""
        page = Page.NO_ROOM if state == "waiting-for-room" else Page.PROCESS_DOWN
        yield Reason(level, f"process-{state}", f"{name} is {state}{why}", page)
    for name, row in seen.rows.items():
        if 0 < options.restarts_warning <= row["restarts"]:
            text = f"{name} was started again {times(row['restarts'])}"
            yield Reason(Level.WARNING, "restarts", text, Page.RESTARTS)


def times(count: int) -> str:
    """How often, in words."""
    return "once" if count == 1 else f"{count:,} times"


def called(follower: Follower) -> str:
    """A follower as people call it: `process manager shipping`."""
    return f"{follower.kind.replace('-', ' ')} {follower.name}"


def of_followers(seen: Observation, options: argparse.Namespace) -> Iterator[Reason]:
    """Of how far views, process managers and workers are, and what they set aside."""
    lag = Thresholds(options.lag_warning, options.lag_critical)
    letters = Thresholds(options.dead_letters_warning, options.dead_letters_critical)
    for follower in seen.followers:
        row = seen.rows[follower.role.name]
        what = called(follower)
        failed = row["state"] == "failed"  # which says more
        level = Level.OK if failed else lag.level(row["lag_s"] or 0.0)
        behind = f"{row['lag']:,} events, {row['lag_s'] or 0:,.0f} s behind"
        if row["state"] == "running" and follower.role.name in seen.silent:
            text = f"{what} does not answer" + (f"; {behind}" if row["lag_s"] else "")
            yield Reason(max(level, Level.WARNING), "silent", text, Page.BEHIND)
        elif level:
            yield Reason(level, "behind", f"{what} is {behind}", Page.BEHIND)
        if level := letters.level(row["dead_letters"] or 0):
            text = f"{what} has set {row['dead_letters']:,} aside: `dead-letter list` says why"
            yield Reason(level, "dead-letters", text, Page.DEAD_LETTERS)


def of_disk(seen: Observation, options: argparse.Namespace) -> Iterator[Reason]:
    """Of the room on the disk. Below the reserve of the node, commands are answered busy."""
    reserve = int(seen.described.get("config", {}).get("disk_reserve_bytes", 0))
    warning = 2 * reserve if options.disk_warning is None else options.disk_warning
    critical = reserve if options.disk_critical is None else options.disk_critical
    free = free_bytes(seen.data.path)
    if level := Thresholds(warning, critical).level_of_room(free):
        yield Reason(level, "disk", f"the disk has {size_text(free)} left", Page.NO_ROOM)


def of_memory(seen: Observation, _options: argparse.Namespace) -> Iterator[Reason]:
    """Of the memory of the machine. Below the reserve of the node, commands are answered busy."""
    import psutil  # not for a `--help`

    reserve = int(seen.described.get("config", {}).get("memory_reserve_bytes", 0))
    available = psutil.virtual_memory().available
    if available < reserve:
        text = f"the machine has {size_text(available)} of memory left"
        yield Reason(Level.CRITICAL, "memory", text, Page.MEMORY)
