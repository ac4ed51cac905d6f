"""`query`: asks a view or a worker of a running node."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from engine.base.called import called
from engine.base.errors import ConfigError, Exit
from engine.cli.asking import ask, followers
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.node.running import find_node

DESCRIPTION = """Asks a view or a worker of the node that runs on a data directory, and prints the answer as
JSON. Without a query, lists what it can be asked; without a view, does so for all of them. An argument is
taken as JSON if it is JSON of the type that the query declares, and as a text otherwise. Exit code 75 if
the view has not come as far as --at-least in time."""
EXAMPLES = """
query
query notes
query notes note note=note-1
query notes tagged 'tags=["urgent", "home"]' limit=10
query notes note note=note-1 --at-least 0:17
"""


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    parser.add_argument("view", nargs="?", metavar="VIEW", help="the view or worker to ask")
    parser.add_argument("query", nargs="?", metavar="QUERY", help="what to ask")
    parser.add_argument("args", nargs="*", metavar="NAME=VALUE", help="arguments of the query")
    parser.add_argument(
        "--at-least", type=_position, metavar="PARTITION:POSITION", help="wait until the view is that far"
    )
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="give up after (5)")
    add_json_option(parser)
    add_data_option(parser)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints the answer, or what can be asked."""
    every = followers(find_node(data_from(options)))
    views = [follower for follower in every if follower.kind in ("view", "worker")]
    if options.view is not None:
        known = ", ".join(view.name for view in views) or "none"
        views = [view for view in views if view.name == options.view]
        if not views:
            raise ConfigError("there is no such view", view=options.view, known=known)
    with Printer(options) as printer:
        if options.query is None:
            queries = {view.name: ask(view, "queries") for view in views}
            printer.answer(queries, "\n".join(_signatures(queries)))
            return Exit.OK
        texts = dict(_argument(text) for text in options.args)
        answer = ask(
            views[0],
            options.query,
            texts=texts,
            at_least=options.at_least,
            timeout_s=options.timeout,
            hint=f"`{called()} query {options.view}` lists what it can be asked",
        )
        printer.answer(answer, json.dumps(answer, ensure_ascii=False, indent=1))
    return Exit.OK


def _signatures(queries: dict[str, dict[str, Any]]) -> Iterator[str]:
    for view, asked in queries.items():
        if not asked:
            yield f"{view}  has no queries"
        for query, signature in asked.items():
            arguments = ", ".join(map(_shown, signature["arguments"]))
            yield f"{view}  {query}({arguments}) -> {signature['answer']}"


def _shown(argument: dict[str, Any]) -> str:
    return f"{argument['name']}: {argument['type']}" + ("" if argument["required"] else " = ...")


def _argument(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ConfigError("an argument is NAME=VALUE", given=text)
    return name, value


def _position(text: str) -> tuple[int, int]:
    partition, _, position = text.partition(":")
    if not (partition.isdecimal() and position.isdecimal()):
        raise argparse.ArgumentTypeError(f"a position is PARTITION:POSITION, not {text}")
    return int(partition), int(position)
