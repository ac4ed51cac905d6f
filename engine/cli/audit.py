"""`audit`: what operators did through the gateway, and with tokens."""

import argparse
from collections import deque
from collections.abc import Iterable
from typing import Any

from engine.base.errors import Exit
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option

DESCRIPTION = """Prints what operators did: when, who, what, and how it ended, oldest first. What changes
something is noted before it is tried, and again with its outcome."""
EXAMPLES = """
audit
audit --last 20 --json
"""


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    add_data_option(parser)
    parser.add_argument("--last", type=int, default=0, metavar="N", help="only the newest (all)")
    add_json_option(parser)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints it."""
    from engine.gateway.audit import Audit

    lines: Iterable[dict[str, Any]] = Audit(data_from(options).audit).lines()
    with Printer(options) as printer:
        for line in deque(lines, options.last) if options.last > 0 else lines:
            source = f" from {line['from']}" if line.get("from") else ""
            done = f"{line['action']} {line['what']}: {line['outcome']}"
            printer.answer(line, f"{line['time']}  {line['who']}{source}  {done}")
    return Exit.OK
