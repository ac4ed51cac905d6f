"""`health`: one line and an exit code, for monitoring."""

import argparse

from engine.base.errors import RingfoldError
from engine.base.runbook import Page
from engine.cli.command import Program
from engine.cli.findings import Level, Reason, add_thresholds, findings_of
from engine.cli.measuring import two_looks
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.node.running import find_node

DESCRIPTION = """Looks at the node that runs on a data directory and prints one line: what it is, and why. The
exit code is for monitoring, and differs from that of other commands.

  0  ok        every process is at work, and no threshold is reached
  1  warning   something needs an operator, or is about to: a process is starting, a view is behind,
               something is set aside, commands are turned away, the disk is filling up
  2  critical  commands or queries are refused, or no node is running

It looks twice, half a second apart, to see what grows; a cause stands before what follows from it.

A threshold of 0 is never reached."""
OWN_EXIT_CODES = True
EXAMPLES = """
health
health --lag-warning 5 --lag-critical 30
health --data /var/lib/notes --disk-warning 10GiB --json
"""


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    add_data_option(parser)
    add_json_option(parser)
    add_thresholds(parser)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints the line."""
    reasons, well = reasons_and_summary(options)
    level = max((reason.level for reason in reasons), default=Level.OK)
    told = "; ".join(reason.text for reason in reasons) or well
    with Printer(options) as printer:
        rows = [reason.document() for reason in reasons]
        printer.answer({"level": level.name.lower(), "reasons": rows}, f"{level.name}: {told}")
    return level


def reasons_and_summary(options: argparse.Namespace) -> tuple[list[Reason], str]:
    """What is wrong, and what is said if nothing is."""
    try:
        data = data_from(options)
        look = two_looks(data, find_node(data))
    except RingfoldError as error:
        return [Reason(Level.CRITICAL, "no-node", str(error), Page.STOPPED)], ""
    rows = look.seen.rows.values()
    behind = max((row["lag_s"] or 0.0 for row in rows), default=0.0)
    reasons = [reason for reason in findings_of(look, options) if reason.level > Level.OK]
    return reasons, f"{len(rows)} processes at work, at most {behind:.1f} s behind"
