"""`query`: asks a view of a running node."""

import argparse
import json
from typing import Any

from engine.base.errors import ConfigError, Exit, RingfoldError
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.node.running import find_node

DESCRIPTION = """Asks a view of the node that runs on a data directory and prints the answer as JSON.
`positions` is a query that every view has. Without a view, lists the views."""


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    add_data_option(parser)
    parser.add_argument("view", nargs="?", metavar="VIEW", help="the view to ask")
    parser.add_argument("query", nargs="?", metavar="QUERY", default="positions", help="what to ask")
    parser.add_argument("args", nargs="*", metavar="NAME=VALUE", help="arguments; a value may be JSON")
    parser.add_argument("--at-least", metavar="PARTITION:POSITION", help="wait until the view is that far")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="give up after (5)")


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints the answer."""
    from engine.client.receipts import QueryRefused
    from engine.client.sync import Client

    node = find_node(data_from(options))
    if options.view is None:
        for name, endpoint in node["queries"].items():
            print(f"{name}  {endpoint}")
        return Exit.OK
    if options.view not in node["queries"]:
        raise ConfigError("there is no such view", view=options.view, known=", ".join(node["queries"]))
    at_least = _position(options.at_least) if options.at_least else None
    with Client(node) as client:
        try:
            answer = client.query(
                options.view,
                options.query,
                dict(_argument(text) for text in options.args),
                at_least=at_least,
                timeout_s=options.timeout,
            )
        except QueryRefused as error:
            raise ConfigError(str(error)) from None
        except TimeoutError as error:
            raise RingfoldError(str(error)) from None
    print(json.dumps(answer, ensure_ascii=False, indent=1))
    return Exit.OK


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ConfigError("an argument is NAME=VALUE", found=text)
    if value[:1] in ("{", "[", '"'):
        try:
            return name, json.loads(value)
        except ValueError:
            raise ConfigError("this value is no JSON", found=text) from None
    return name, int(value) if value.isdecimal() else value


def _position(text: str) -> tuple[int, int]:
    partition, _, position = text.partition(":")
    if not (partition.isdecimal() and position.isdecimal()):
        raise ConfigError("a position is PARTITION:POSITION", found=text)
    return int(partition), int(position)
