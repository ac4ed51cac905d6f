"""`aggregate show`: the state of one aggregate, now or as it was at a version."""

import argparse
import json

from engine.base.errors import ConfigError, Exit
from engine.cli.command import Program
from engine.cli.options import add_app_options, app_and_data_from
from engine.cli.printing import Printer, add_json_option
from engine.reading.history import aggregate_at
from engine.reading.log import EventLog
from engine.reading.plain import state_of

DESCRIPTION = """Shows one aggregate. The application makes its state from the stored events, as a start of
the node would; the node is not asked, and nothing is changed. Where no application is named, it is that of
the node that runs there."""
EXAMPLES = """
aggregate show note-1
aggregate show note-1 --app notes:app --at-version 3
"""
SHOW = """Prints one JSON object: what the aggregate is, which entry made it so, and everything it
remembers."""


def options(parser: argparse.ArgumentParser, program: Program) -> None:
    """The options of `show`."""
    places = parser.add_subparsers(title="commands", metavar="show", dest="what", required=True)
    place = places.add_parser("show", help="print its state", description=SHOW)
    place.add_argument("id", metavar="ID", help="which one")
    place.add_argument("--at-version", type=int, metavar="N", help="as it was then (the last)")
    add_json_option(place)
    add_app_options(place, program)


def run(options: argparse.Namespace, program: Program) -> int:
    """Prints it."""
    app, data = app_and_data_from(options, program)
    app.check()
    with EventLog(data, app) as log:
        result = aggregate_at(log, app, options.id, options.at_version)
        last = next(log.aggregate_back(options.id), None)
    if last is None:
        raise ConfigError("there is no such aggregate in the event store", aggregate=options.id)
    if result is None:
        facts = {"aggregate": options.id, "wanted": options.at_version, "last": last.commit.version}
        raise ConfigError("the aggregate has no such version", **facts)
    aggregate, entry = result
    shown = {
        "aggregate": aggregate.engine_id,
        "kind": type(aggregate).__qualname__,
        "version": aggregate.engine_version,
        "partition": entry.partition,
        "position": entry.position,
        "command": entry.commit.command,
        "time_ns": entry.commit.time_ns,
        "state": state_of(aggregate),
    }
    with Printer(options) as printer:
        printer.answer(shown, json.dumps(shown, ensure_ascii=False, indent=1))
    return Exit.OK
