"""`replay-check`: would today's code decide the same?"""

import argparse
import json
import sys
from itertools import islice

import msgspec

from engine.base.errors import Exit
from engine.base.progress import Progress
from engine.cli.command import Program
from engine.cli.options import add_app_options, app_and_data_from

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
    for difference in differences:
        print(json.dumps(msgspec.to_builtins(difference._asdict()), ensure_ascii=False))
    if differences:
        more = " or more" if len(differences) == options.most else ""
        print(f"ringfold: {len(differences)}{more} commands are decided otherwise", file=sys.stderr)
        return Exit.CORRUPT
    print("every command is decided as it was")
    return Exit.OK
