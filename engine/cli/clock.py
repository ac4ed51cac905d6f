"""`clock`: what a node's clock shows, and moving a simulated one."""

import argparse
import re
from datetime import timedelta

from engine.base.errors import ConfigError, Exit
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.cli.time_text import time_text
from engine.node.clock import SimulatedClock

DESCRIPTION = """Prints the time by which a node stamps commands and fires timers. A simulated clock (setting
`clock`) can be moved forward, whether the node runs or not: timers that are due then fire at once."""
EXAMPLES = """
clock
clock --move 31m
clock --move 15d --data /tmp/shop
"""
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    add_json_option(parser)
    add_data_option(parser)
    parser.add_argument("--move", metavar="SPAN", type=span_of, help="so far forward: 90s, 31m, 48h, 15d")


def run(options: argparse.Namespace, _program: Program) -> int:
    """Moves it, if that was asked for, and prints it."""
    clock = data_from(options).clock
    if options.move is not None:
        if not isinstance(clock, SimulatedClock):
            raise ConfigError("the system's clock is not moved", hint="only a simulated one is: `clock`")
        clock.move(options.move)
    now_ns = clock.now_ns()
    simulated = isinstance(clock, SimulatedClock)
    with Printer(options) as printer:
        printer.answer({"time_ns": now_ns, "simulated": simulated}, time_text(now_ns))
    return Exit.OK


def span_of(text: str) -> timedelta:
    """A span as people write it. Raises ArgumentTypeError."""
    if found := re.fullmatch(r"(\d{1,6})([smhd])", text):
        return timedelta(**{UNITS[found[2]]: int(found[1])})
    raise argparse.ArgumentTypeError(f"{text!r} is not a span, as 90s, 31m, 48h, 15d are")
