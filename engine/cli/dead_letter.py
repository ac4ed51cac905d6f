"""`dead-letter list`, `retry` and `drop`: what views and process managers could not apply."""

import argparse
from typing import Any

from engine.base.errors import ConfigError, Exit
from engine.cli.asking import Follower, ask, ask_all, followers
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.node.running import find_node

DESCRIPTION = """What the handlers of views and process managers failed on, in a running node. The aggregate
in question is set aside: its later events are held back, those of others are not. It is tried again a few
times; after that it is a dead letter, and waits for an operator."""
EXAMPLES = """
dead-letter list
dead-letter retry notes
dead-letter drop notes note-17
"""
LIST = """Prints what is set aside, one entry for each view or process manager and aggregate. Exit code 75 if
one does not answer."""
RETRY = """Tries again now, for example after a handler was repaired. Exit code 75 if something stays set
aside."""
DROP = """Skips the commit that fails, for this view or process manager alone, and applies what was held
back after it. The event itself stays in the event store."""
PATIENCE_S = 60.0  # a retry may have to apply much that was held


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of all three."""
    places = parser.add_subparsers(title="commands", metavar="list|retry|drop", dest="what", required=True)
    place = places.add_parser("list", help="print it", description=LIST)
    add_data_option(place)
    place.add_argument("name", nargs="?", metavar="NAME", help="of a view or process manager (all)")
    place = places.add_parser("retry", help="try again", description=RETRY)
    add_data_option(place)
    place.add_argument("name", metavar="NAME", help="of a view or process manager")
    place.add_argument("aggregate", nargs="?", default="", metavar="AGGREGATE", help="which one (all)")
    place = places.add_parser("drop", help="skip the commit that fails", description=DROP)
    add_data_option(place)
    place.add_argument("name", metavar="NAME", help="of a view or process manager")
    place.add_argument("aggregate", metavar="AGGREGATE", help="which one")
    for place in places.choices.values():
        add_json_option(place)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Does what was asked for. Exit code 75 if a retry or a drop left something set aside."""
    every = followers(find_node(data_from(options)), options.name)
    asked = [follower for follower in every if follower.kind != "worker"]
    if every and not asked:
        raise ConfigError("a worker sets nothing aside, it tries again", name=options.name)
    with Printer(options) as printer:
        if options.what == "list":
            answers = ask_all(asked, "dead-letters", printer)
            letters = [(follower, letter) for follower, answer in answers for letter in answer]
            texts = [_told(follower, letter) for follower, letter in letters]
            if not texts and len(answers) == len(asked):
                texts = ["nothing is set aside"]
            rows = [{follower.kind: follower.name, **letter} for follower, letter in letters]
            printer.answer(rows, "\n".join(texts))
            return Exit.OK if len(answers) == len(asked) else Exit.TEMPORARY
        (follower,) = asked
        return _act(follower, options, printer)


def _act(follower: Follower, options: argparse.Namespace, printer: Printer) -> int:
    left = ask(
        follower, f"dead-letter-{options.what}", {"aggregate": options.aggregate}, timeout_s=PATIENCE_S
    )
    told = f"{options.aggregate} is no longer set aside" if options.aggregate else "nothing is set aside"
    texts = [_told(follower, letter) for letter in left] or [f"{follower.kind} {follower.name}: {told}"]
    printer.answer([{follower.kind: follower.name, **letter} for letter in left], "\n".join(texts))
    return Exit.TEMPORARY if left else Exit.OK


def _told(follower: Follower, letter: dict[str, Any]) -> str:
    state = "dead" if letter["dead"] else "being retried"
    return (
        f"{follower.kind} {follower.name}: {letter['aggregate']} version {letter['version']} "
        f"(partition {letter['partition']}, position {letter['position']}: {', '.join(letter['events'])})\n"
        f"    {letter['error']} in {letter['where'] or 'the engine'}\n"
        f"    {state} after {letter['attempts']} attempts, {letter['waiting']} later commits are held"
    )
