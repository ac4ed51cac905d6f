"""`dead-letter list`, `retry` and `drop`: what views and process managers could not apply."""

import argparse
import json
from typing import Any

from engine.base.errors import Exit
from engine.cli.asking import Follower, ask, followers
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.node.running import find_node

DESCRIPTION = """What a handler of a view or a process manager failed on, in a running node. The aggregate is
set aside: its later events are held, others go on. It is tried again by itself a few times; then it is a
dead letter, which waits for an operator."""
LIST = "Prints what is set aside, one entry a view or process manager and aggregate."
RETRY = "Tries again, now: for example after the handler was mended, or what it needs is back."
DROP = """Skips the commit that fails, for this view or process manager alone, and applies what was
held behind it. The event itself stays in the event store."""
PATIENCE_S = 60.0  # a retry may have to apply much that was held


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of all three."""
    places = parser.add_subparsers(title="commands", metavar="list|retry|drop", dest="what", required=True)
    place = places.add_parser("list", help="print it", description=LIST)
    add_data_option(place)
    place.add_argument("name", nargs="?", metavar="NAME", help="of a view or process manager (all)")
    place.add_argument("--json", action="store_true", help="print one JSON object a line")
    place = places.add_parser("retry", help="try again", description=RETRY)
    add_data_option(place)
    place.add_argument("name", metavar="NAME", help="of a view or process manager")
    place.add_argument("aggregate", nargs="?", default="", metavar="AGGREGATE", help="which one (all)")
    place = places.add_parser("drop", help="pass over the commit that fails", description=DROP)
    add_data_option(place)
    place.add_argument("name", metavar="NAME", help="of a view or process manager")
    place.add_argument("aggregate", metavar="AGGREGATE", help="which one")


def run(options: argparse.Namespace, _program: Program) -> int:
    """Does what was asked for. Exit code 75 if a retry or a drop left something set aside."""
    found = followers(find_node(data_from(options)), options.name)
    if options.what == "list":
        for follower in found:
            for letter in ask(follower, "dead-letters"):
                print(json.dumps(_named(follower, letter)) if options.json else _told(follower, letter))
        return Exit.OK
    (follower,) = found
    left = ask(
        follower, f"dead-letter-{options.what}", {"aggregate": options.aggregate}, timeout_s=PATIENCE_S
    )
    for letter in left:
        print(_told(follower, letter))
    if not left:
        print(f"{follower.kind} {follower.name}: applied, and nothing of it is set aside any more")
    return Exit.TEMPORARY if left else Exit.OK


def _named(follower: Follower, letter: dict[str, Any]) -> dict[str, Any]:
    return {follower.kind: follower.name, **letter}


def _told(follower: Follower, letter: dict[str, Any]) -> str:
    state = "dead" if letter["dead"] else "being retried"
    return (
        f"{follower.kind} {follower.name}: {letter['aggregate']} version {letter['version']} "
        f"(partition {letter['partition']}, position {letter['position']}: {', '.join(letter['events'])})\n"
        f"    {letter['error']} in {letter['where'] or 'the engine'}\n"
        f"    {state} after {letter['attempts']} attempts, {letter['waiting']} later commits are held"
    )
