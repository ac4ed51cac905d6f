"""`replay-check`: would today's code decide the same?"""

import argparse
import json
from itertools import islice

import msgspec

from engine.base.errors import Exit
from engine.base.progress import Progress
from engine.cli.command import Program
from engine.cli.options import add_app_options, app_and_data_from
from engine.cli.printing import Printer, add_json_option

DESCRIPTION = """Runs the application's handlers over the recorded journal and compares what they decide
with the events that are stored. It shows what a change of the code would have decided differently, intended
or not. Changes nothing. Exit code 0 if every decision is the same, 4 if not."""
EXAMPLES = """
replay-check --app notes:app
"""
MOST = 20


def options(parser: argparse.ArgumentParser, program: Program) -> None:
    """The options of this command."""
    parser.add_argument("--most", type=int, default=MOST, metavar="N", help=f"differences to print ({MOST})")
    add_json_option(parser)
    add_app_options(parser, program)


def run(options: argparse.Namespace, program: Program) -> int:
    """Prints differences, one JSON object a line."""
    from engine.reading.replay import replay  # brings everything

    app, data = app_and_data_from(options, program)
    app.check()
    progress = Progress("replay: up to command", 0)
    differences = list(
        islice(replay(data, app, beat=lambda sequence: progress.step(sequence - progress.done)), options.most)
    )
    progress.end()
    rows = [msgspec.to_builtins(difference._asdict()) for difference in differences]
    texts = [json.dumps(row, ensure_ascii=False) for row in rows]
    with Printer(options) as printer:
        if differences:
            more = " or more" if len(differences) == options.most else ""
            printer.warn("decided-otherwise", f"{len(differences)}{more} commands are decided otherwise")
        printer.answer(rows, "\n".join(texts) or "every command is decided as it was")
    return Exit.CORRUPT if differences else Exit.OK
