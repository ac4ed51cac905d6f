"""`top`: what a node is doing, again and again."""

import argparse
import contextlib
import itertools
import shutil
import sys
import time
from collections.abc import Iterator

from engine.base.errors import ConfigError, Exit, RingfoldError
from engine.cli.command import Program
from engine.cli.findings import Level, findings_of, usual_thresholds
from engine.cli.measuring import Measured, Meter
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.cli.table import aligned, cells, fitting
from engine.node.running import find_node

DESCRIPTION = """Shows what the node that runs on a data directory does now: on a terminal live, until Ctrl-C;
elsewhere once, as text. Rates are of the time since the last look.

  per_s         commands handled, or events made, stored or applied, a second
  lag, lag_s    commands or events behind the process before it, and the age of the oldest in seconds
  waits         how full the ring before a process is
  restarts      how often it was started again
  set_aside     aggregates that a view or process manager has set aside (dead letters)
  cpu, memory   of the process

Below them: commands that were answered busy, by the reason; who has sent most in the last ten seconds, to the
node and by HTTP; and what is wrong, as `health` has it. A narrow terminal goes without pid, state and others
that matter less than lag and cpu."""
EXAMPLES = """
top
top --every 0.5
top --count 10 --json
"""
HEADINGS = (
    "process",
    "state",
    "pid",
    "per_s",
    "lag",
    "lag_s",
    "waits",
    "restarts",
    "set_aside",
    "cpu",
    "memory",
)
SPARE = ("pid", "state", "restarts", "memory", "waits", "set_aside", "per_s")
"""Columns that a narrow terminal goes without, in this order; never without `lag` and `cpu`"""
LEAST_S, MOST_S = 0.1, 3600.0


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    add_data_option(parser)
    add_json_option(parser)
    parser.add_argument(
        "--every", type=_seconds, default=1.0, metavar="SECONDS", help="between two looks (1)"
    )
    text = "end after N looks (none on a terminal, 1 elsewhere)"
    parser.add_argument("--count", type=int, metavar="N", help=text)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Looks, and draws or prints."""
    data = data_from(options)
    meter = Meter(data, find_node(data))
    draws = sys.stdout.isatty() and not options.json
    count = options.count if options.count is not None else (None if draws else 1)
    if count is not None and count < 1:
        raise ConfigError("top looks at least once", count=count)
    with Printer(options) as printer:
        if draws:
            from engine.cli.drawing import drawing_of  # what is piped needs none of it

            if (draw := drawing_of(table, remarks)) is not None:
                with contextlib.suppress(KeyboardInterrupt):  # that is how it ends
                    draw(itertools.islice(patient(meter, options.every), count))
                return Exit.OK
        for number, look in enumerate(itertools.islice(measurements(meter, options.every), count)):
            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
            text = "\n".join([*([""] if number else []), *lines(look, width)])
            printer.answer(look.document(), text)
            sys.stdout.flush()
    return Exit.OK


def measurements(meter: Meter, every_s: float) -> Iterator[Measured]:
    """One after each pause."""
    meter.look()
    while True:
        time.sleep(every_s)
        yield meter.look()


def patient(meter: Meter, every_s: float) -> Iterator[Measured | RingfoldError]:
    """The same, and while no node runs why there is nothing to see: a node that is started again is waited
    for."""
    while True:
        try:
            yield from measurements(meter, every_s)
        except RingfoldError as error:
            yield error
        time.sleep(every_s)


def lines(look: Measured, width: int) -> Iterator[str]:
    """One look as text."""
    yield look.headline()
    shown = table(look, width)
    yield from aligned(shown, left=2 if "state" in shown[0] else 1)
    yield from remarks(look)


def table(look: Measured, width: int) -> list[tuple[str, ...]]:
    """Headings, and a row for each process, as far as a line has room."""
    return fitting([HEADINGS, *(cells(row) for row in look.table())], width, SPARE)


def remarks(look: Measured) -> list[str]:
    """What stands below the table."""
    found = [reason for reason in findings_of(look, usual_thresholds()) if reason.level > Level.OK]
    return [*look.remarks(), *(reason.line() for reason in found)]


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not LEAST_S <= seconds <= MOST_S:
        raise argparse.ArgumentTypeError(f"{text} is not between {LEAST_S} and {MOST_S:.0f} seconds")
    return seconds
