"""`status`: what each process of a running node is doing."""

import argparse
from collections.abc import Iterator

from msgspec import to_builtins

from engine.base.errors import Exit
from engine.cli.command import Program
from engine.cli.observing import Observation
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.cli.table import aligned, cells
from engine.node.running import find_node

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
OTHER_CODE = "partly made by other code; give it the next version, or use `view rebuild`"


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    add_data_option(parser)
    add_json_option(parser)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints the table."""
    data = data_from(options)
    seen = Observation(data, find_node(data))
    well = not seen.not_at_work()
    with Printer(options) as printer:
        if not well:
            printer.warn("not-at-work", "not every process is at work")
        told = {"node": to_builtins(seen.node), "notices": seen.notices, "processes": seen.rows}
        printer.answer(told, "\n".join(lines(seen)))
    return Exit.OK if well else Exit.TEMPORARY


def lines(seen: Observation) -> Iterator[str]:
    """What it shows, for people."""
    node, rows = seen.node, seen.rows
    at = f", {node.http}" if node.http else ""
    yield f"node {node.app}, pid {node.pid}, data {node.data}{at}"
    yield from (f"notice: {text}" for text in seen.notices)
    # The process id is a name, not a number: for `kill`.
    shown = [{**values, "pid": str(values["pid"])} for values in rows.values()]
    yield from aligned([HEADINGS, *(cells(row[key] for key in HEADINGS) for row in shown)])
    yield from (f"{name}: {OTHER_CODE}" for name, row in rows.items() if row.get("other_code"))
    for name, failure in seen.failures().items():
        yield f"{name}: failed since {failure.since}: {failure.cause}"
