"""`replay-check`: would today's code decide the same?"""

import argparse
import json
from contextlib import closing
from itertools import islice

import msgspec

from engine.base.errors import ConfigError, Exit
from engine.base.progress import Progress
from engine.cli.command import Program
from engine.cli.options import add_app_options, app_and_data_from
from engine.cli.printing import Printer, add_json_option
from engine.journal import last_sequence
from engine.node.data_directory import DataDirectory

DESCRIPTION = """Runs the application's handlers over the recorded journal and compares what they decide
with the events that are stored. It shows what a change of the code would have decided differently, intended
or not. Changes nothing. Exit code 0 if every decision is the same, 4 if not."""
EXAMPLES = """
replay-check --app notes:app
"""
MOST = 20
NOT_HERE = "what was decided in a cluster is not in the journal of a node, and is not replayed"
INSTEAD = "`ringfold cluster verify` holds stores against the logs"


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
    in_cluster = follows_cluster(data)
    if in_cluster and (not data.journal.exists() or not last_sequence(data.journal)):
        raise ConfigError(NOT_HERE, path=data.path, hint=INSTEAD)
    progress = Progress("replay: up to command", 0)
    differences = list(
        islice(replay(data, app, beat=lambda sequence: progress.step(sequence - progress.done)), options.most)
    )
    progress.end()
    rows = [msgspec.to_builtins(difference._asdict()) for difference in differences]
    texts = [json.dumps(row, ensure_ascii=False) for row in rows]
    with Printer(options) as printer:
        if in_cluster:
            printer.warn("not-replayed", NOT_HERE, INSTEAD)
        if differences:
            more = " or more" if len(differences) == options.most else ""
            printer.warn("decided-otherwise", f"{len(differences)}{more} commands are decided otherwise")
        printer.answer(rows, "\n".join(texts) or "every command is decided as it was")
    return Exit.CORRUPT if differences else Exit.OK


def follows_cluster(data: DataDirectory) -> bool:
    """True if any store follows the log of a cluster."""
    for partition in range(data.partitions):
        if data.has_store(partition):
            with closing(data.reader(partition)) as reader:
                if reader.place() is not None:
                    return True
    return False
