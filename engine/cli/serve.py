"""`serve`: runs a node in the foreground until SIGTERM or Ctrl-C."""

import argparse

from msgspec import json, structs

from engine.base.log_line import log_line
from engine.cli.command import Program
from engine.cli.options import add_config_options, settings_from
from engine.node.endpoints import Ready
from engine.supervisor.supervisor import Supervisor

DESCRIPTION = """Runs a node: one input process, a core and an output process per partition, a projector per
view, and this supervisor. Prints one line on standard output once all are at work; everything else goes to
standard error. SIGTERM or Ctrl-C stops it in order; a second Ctrl-C at once."""


def options(parser: argparse.ArgumentParser, program: Program) -> None:
    """The options of this command."""
    add_config_options(parser, program)
    parser.add_argument("--json", action="store_true", help="print the ready line as one JSON object")


def run(options: argparse.Namespace, program: Program) -> int:
    """Runs the node; returns its exit code."""
    settings = settings_from(options, program)
    supervisor = Supervisor(settings, log)
    return supervisor.run(show_json if options.json else show, show_progress)


def log(text: str) -> None:
    """One line of the supervisor's to standard error."""
    log_line(f"supervisor: {text}")


def show(supervisor: Supervisor) -> None:
    """The ready line, for people."""
    ends = supervisor.endpoints
    queries = ", ".join(f"{view} {endpoint}" for view, endpoint in ends.queries.items()) or "no views"
    number = ends.partitions
    what = f"{ends.app}, {number} partition{'s' if number > 1 else ''}, pid {ends.pid}"
    print(f"ready: {what}, data {ends.data}; commands {ends.commands}; queries {queries}", flush=True)


def show_json(supervisor: Supervisor) -> None:
    """The ready line, for programs."""
    ready = Ready(ready=True, **structs.asdict(supervisor.endpoints))
    print(json.encode(ready).decode(), flush=True)


def show_progress(snapshot: dict[str, dict[str, object]]) -> None:
    """Who is not at work yet, and how far it has come."""
    waiting = [
        f"{name} {values['state']}" + (f" at position {values['position']:,}" if values["position"] else "")
        for name, values in snapshot.items()
        if values["state"] in ("starting", "replaying")
    ]
    log("starting: " + ", ".join(waiting))
