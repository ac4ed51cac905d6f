"""The findings: what is wrong with a running node, told alike by `health`, `doctor` and `top`.

They come from two looks a moment apart, so that each can say whether it grows, and in the order of causes:
the machine, the processes, commands that are turned away, followers. A cause stands before what follows from
it, as commands that are turned away before the process manager that waits for its answers.
"""

import argparse
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from engine.base.files import free_bytes
from engine.base.runbook import Page
from engine.cli.asking import Follower
from engine.cli.measuring import Measured
from engine.cli.observing import Observation
from engine.cli.sending import flooder
from engine.cli.sizes import size_of, size_text
from engine.node.cluster_view import read_view, troubles_in
from engine.node.roles import INPUT
from engine.wire.busy import PAGES, TEXTS, BusyReason

PASSING = ("starting", "replaying", "stopping")
MOST_OUTGOING = 20_000  # `engine.managers.manager.MOST_WAITING`, which is not imported for this alone
MANY_OUTGOING = 1_000  # fewer are on their way at any time
SHARE_WARNING, SHARE_CRITICAL = 0.01, 0.5  # of the commands that arrive
STEADY = 0.5  # a second: what changes less is not said to change
REFUSES = "every command is refused"


class Level(IntEnum):
    """How bad it is; from OK on it is the exit code of `health`. A note is over, or no fault."""

    NOTE = -1
    OK = 0
    WARNING = 1
    CRITICAL = 2


OF_CLUSTER = {
    "cut-off": (Level.CRITICAL, Page.PROCESS_DOWN),
    "servers-silent": (Level.CRITICAL, Page.PROCESS_DOWN),
    "no-owner": (Level.CRITICAL, Page.PROCESS_DOWN),
    "node-behind": (Level.WARNING, Page.BEHIND),
    "node-not-ready": (Level.WARNING, Page.BEHIND),
    "workers-nowhere": (Level.WARNING, Page.CONFIGURATION),
}


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

    def line(self) -> str:
        """The same for people."""
        return f"{self.level.name}: {self.text} ({self.page.path})"


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


def add_thresholds(parser: argparse.ArgumentParser) -> None:
    """A flag for each."""
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


def usual_thresholds() -> argparse.Namespace:
    """Those that hold unless others are given."""
    parser = argparse.ArgumentParser()
    add_thresholds(parser)
    return parser.parse_args([])


def findings_of(look: Measured, options: argparse.Namespace) -> list[Reason]:
    """All that is wrong with a node that runs, causes first; notes come last."""
    seen = look.seen
    found = [*of_disk(seen, options), *of_memory(seen, options), *of_processes(seen, options)]
    found += [*of_cluster(seen), *of_commands(look), *of_followers(look, options)]
    return sorted(found, key=lambda reason: reason.level is Level.NOTE)


def of_disk(seen: Observation, options: argparse.Namespace) -> Iterator[Reason]:
    """Of the room on the disk. Below the reserve of the node, commands are answered busy."""
    reserve, told = _reserve(seen, "disk_reserve_bytes")
    warning = 2 * reserve if options.disk_warning is None else options.disk_warning
    critical = reserve if options.disk_critical is None else options.disk_critical
    free = free_bytes(seen.data.path)
    level = Thresholds(warning, critical).level_of_room(free)
    if not level:
        return
    than = told if free < reserve else f"twice {told}"
    given = options.disk_critical if level is Level.CRITICAL else options.disk_warning
    if given is not None and free >= reserve:
        than = f"the {size_text(given)} of --disk-{level.name.lower()}"
    follows = f": {REFUSES}" if free < reserve else ""
    yield Reason(
        level, "disk", f"the disk has {size_text(free)} left, less than {than}{follows}", Page.NO_ROOM
    )


def of_memory(seen: Observation, _options: argparse.Namespace) -> Iterator[Reason]:
    """Of the memory of the machine. Below the reserve of the node, commands are answered busy."""
    import psutil  # not for a `--help`

    reserve, told = _reserve(seen, "memory_reserve_bytes")
    available = psutil.virtual_memory().available
    if available < reserve:
        text = f"the machine has {size_text(available)} of memory left, less than {told}: {REFUSES}"
        yield Reason(Level.CRITICAL, "memory", text, Page.MEMORY)


def _reserve(seen: Observation, name: str) -> tuple[int, str]:
    """The setting of the node, and how it is told of: with where it comes from."""
    reserve = int(seen.described.get("config", {}).get(name, 0))
    origin = seen.described.get("origins", {}).get(name, "")
    return reserve, f"{name} {size_text(reserve)}" + (f" ({origin})" if origin else "")


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
        if row["restarts"]:
            text = f"{name} was started again {times(row['restarts'])}"
            many = 0 < options.restarts_warning <= row["restarts"]
            yield Reason(Level.WARNING if many else Level.NOTE, "restarts", text, Page.RESTARTS)


def times(count: int) -> str:
    """How often, in words."""
    return "once" if count == 1 else f"{count:,} times"


def of_commands(look: Measured) -> Iterator[Reason]:
    """Of commands that are turned away: now, by the share of those that arrive, and before."""
    now = {reason: new for reason, (_, new) in look.busy.items() if new}
    share = sum(now.values()) / max(1.0, sum(now.values()) + look.rates[INPUT.name] * look.seconds)
    if share >= SHARE_WARNING:
        level = Thresholds(SHARE_WARNING, SHARE_CRITICAL).level(share)
        rates = ", ".join(
            f"{reason} {new / look.seconds:,.0f}/s: {_why(reason, look)}" for reason, new in now.items()
        )
        page = PAGES[BusyReason(max(now, key=lambda reason: now[reason]))]
        most = flooder(look.senders)
        whose = f"; most of {most}" if most else ""
        yield Reason(
            level, "busy", f"{share:.0%} of the commands are turned away now ({rates}){whose}", page
        )
    for reason, (count, _) in look.busy.items():
        if count:
            text = f"{count:,} commands were answered busy, {reason}: {_why(reason, look)}"
            yield Reason(Level.NOTE, f"busy-{reason}", text, PAGES[BusyReason(reason)])


def of_cluster(seen: Observation) -> Iterator[Reason]:
    """Of the cluster, as this node sees it; nothing if it is alone."""
    view = read_view(seen.node.run) if seen.node.cluster else None
    workers = str(seen.described.get("config", {}).get("cluster_workers", ""))
    for code, text, _ in () if view is None else troubles_in(view, workers=workers, silent=seen.silent_logs):
        level, page = OF_CLUSTER[code]
        yield Reason(level, code, text, page)


def _why(reason: str, look: Measured) -> str:
    limit = getattr(look.seen.node, "max_in_flight_per_client", "")
    return TEXTS[BusyReason(reason)].format(limit=limit)


def called(follower: Follower) -> str:
    """A follower as people call it: `process manager shipping`."""
    return f"{follower.kind.replace('-', ' ')} {follower.name}"


def of_followers(look: Measured, options: argparse.Namespace) -> Iterator[Reason]:
    """Of what views, process managers and workers set aside, what they wait for, and how far they are."""
    lag = Thresholds(options.lag_warning, options.lag_critical)
    letters = Thresholds(options.dead_letters_warning, options.dead_letters_critical)
    for follower in look.seen.followers:
        name = follower.role.name
        row, what = look.seen.rows[name], called(follower)
        if level := letters.level(row["dead_letters"] or 0):
            more = _change(look.aside.get(name, 0.0), "", "/s more now", "")
            text = f"{what} has set {row['dead_letters']:,} aside{more}: `dead-letter list` says why"
            yield Reason(level, "dead-letters", text, Page.DEAD_LETTERS)
        outgoing = row["outbox"] or 0
        if outgoing > MOST_OUTGOING:
            text = f"the outbox of {what} is full ({outgoing:,}): it applies nothing new"
            yield Reason(Level.WARNING, "outbox", text, Page.BEHIND)
        elif outgoing >= MANY_OUTGOING:
            text = f"{what} waits for answers to {outgoing:,} commands"
            yield Reason(Level.NOTE, "outbox", text, Page.BEHIND)
        failed = row["state"] == "failed"  # which says more
        level = Level.OK if failed else lag.level(row["lag_s"] or 0.0)
        behind = f"{row['lag']:,} events, {row['lag_s'] or 0:,.0f} s behind"
        behind += _change(look.lagging.get(name, 0.0), "growing by ", "/s", "shrinking by ")
        if row["state"] == "running" and name in look.seen.silent:
            text = f"{what} does not answer" + (f"; {behind}" if row["lag_s"] else "")
            yield Reason(max(level, Level.WARNING), "silent", text, Page.BEHIND)
        elif level:
            yield Reason(level, "behind", f"{what} is {behind}", Page.BEHIND)


def _change(rate: float, more: str, unit: str, less: str) -> str:
    """How a number changes, after it: `, growing by 60/s`; nothing if it hardly does."""
    if rate >= STEADY:
        return f", {more}{rate:,.0f}{unit}"
    return f", {less}{-rate:,.0f}{unit}" if rate <= -STEADY and less else ""
