"""`process-manager show`: what a process manager of a running node has under way for one id."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from engine.base.errors import ConfigError, Exit
from engine.cli.asking import ask, followers
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.cli.time_text import time_text
from engine.node.running import find_node

DESCRIPTION = """Looks at one instance of a process manager of the node that runs on a data directory.
Changes nothing."""
SHOW = """Prints what belongs to an id: of an aggregate, a command or a correlation, or whatever the process
manager's keys begin with. That is its state, commands that are not answered yet, timers that are set, and
what its handlers failed on; 100 of each at most."""
EXAMPLES = "process-manager show clerk transfer-7"
ENVELOPE = ("type", "aggregate", "id", "correlation", "causation")  # told beside the other fields


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of `show`."""
    places = parser.add_subparsers(title="commands", metavar="show", dest="what", required=True)
    place = places.add_parser("show", help="print what is under way for one id", description=SHOW)
    add_data_option(place)
    place.add_argument("name", metavar="NAME", help="of the process manager")
    place.add_argument("id", metavar="ID", help="of an aggregate, a command or a correlation")
    add_json_option(place)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints it."""
    node = find_node(data_from(options))
    managers = {one.name: one for one in followers(node) if one.kind == "process-manager"}
    if options.name not in managers:
        known = ", ".join(managers) or "none"
        raise ConfigError("there is no such process manager", name=options.name, known=known)
    instance = ask(managers[options.name], "instance", {"id": options.id})
    with Printer(options) as printer:
        printer.answer(instance, "\n".join(lines(options.name, options.id, instance)))
    return Exit.OK


def lines(name: str, id: str, instance: dict[str, Any]) -> Iterator[str]:
    """An instance for people."""
    yield f"process manager {name}, {id}"
    yield from _part("state", [f"{key}  {_text(value)}" for key, value in instance["state"].items()])
    yield from _part("on their way", [_entry(entry) for entry in instance["outbox"]])
    yield from _part("timers", [_timer(timer) for timer in instance["timers"]])
    yield from _part("set aside", [_letter(letter) for letter in instance["dead_letters"]])


def _part(title: str, rows: list[str]) -> Iterator[str]:
    yield title if rows else f"{title}: nothing"
    yield from (f"  {row}" for row in rows)


def _entry(entry: dict[str, Any]) -> str:
    refusal = entry["refusal"]
    refused = f", {refusal['outcome']}: {refusal['code']} {refusal['message']}".rstrip() if refusal else ""
    return _command(entry["command"]) + refused


def _timer(timer: dict[str, Any]) -> str:
    key = f"{timer['key']}  " if timer["key"] else ""
    return f"{key}due {time_text(timer['due_ns'])}  {_command(timer['command'])}"


def _letter(letter: dict[str, Any]) -> str:
    events = ", ".join(letter["events"])
    return f"{letter['aggregate']} version {letter['version']} ({events}): {letter['error']}"


def _command(command: dict[str, Any]) -> str:
    fields = {name: value for name, value in command.items() if name not in ENVELOPE}
    return f"{command['type']} to {command['aggregate']} {_text(fields)} as {command['id']}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
