"""`follower list` and `follower restart`: the views and process managers of a node, and those that were given
up."""

import argparse
import json

from engine.base.errors import Exit, RingfoldError
from engine.cli.asking import Follower, ask, followers
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.node.data_directory import DataDirectory
from engine.node.failure import read_failure
from engine.node.running import find_node
from engine.node.status import State, StatusPage

DESCRIPTION = """A follower is a view or a process manager: it follows what is stored, and commands need
none. One that cannot be kept running is given up alone. Its queries are answered `failed` with the cause,
until its code changes and the node is started again, or until `follower restart`."""
EXAMPLES = """
follower list
follower restart notes
"""


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of both."""
    places = parser.add_subparsers(title="commands", metavar="list|restart", dest="what", required=True)
    place = places.add_parser("list", help="print all, and what is wrong with them")
    add_data_option(place)
    place.add_argument("--json", action="store_true", help="print one JSON object a line")
    place = places.add_parser("restart", help="try one again that was given up")
    add_data_option(place)
    place.add_argument("name", metavar="NAME", help="of the view or process manager")


def run(options: argparse.Namespace, _program: Program) -> int:
    """Does what was asked for."""
    directory = DataDirectory.at(data_from(options))
    node = find_node(directory)
    with StatusPage.attach(node.status) as page:
        states = {name: State(page.slot(name).state) for name in page.names}
    if options.what == "list":
        for follower in followers(node):
            told = facts_of(follower, states[follower.role.name], directory)
            print(json.dumps(told) if options.json else "  ".join(filter(None, told.values())))
        return Exit.OK
    (follower,) = followers(node, options.name)
    state = states[follower.role.name]
    if state is not State.FAILED:
        raise RingfoldError("it was not given up", name=follower.name, state=told_of(state))
    ask(follower, "restart")
    print(f"{follower.kind} {follower.name} is tried again; `status` shows how it goes")
    return Exit.OK


def facts_of(follower: Follower, state: State, directory: DataDirectory) -> dict[str, str]:
    """What is known of one."""
    facts = {"name": follower.name, "kind": follower.kind, "state": told_of(state)}
    failure = read_failure(directory.failure(follower.role.name)) if state is State.FAILED else None
    return facts | ({"since": failure.since, "cause": failure.cause} if failure else {})


def told_of(state: State) -> str:
    """A state as it is printed."""
    return state.name.lower().replace("_", "-")
