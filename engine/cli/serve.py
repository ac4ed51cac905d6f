"""`serve`: runs a node in the foreground until SIGTERM or Ctrl-C."""

import argparse
import contextlib
import io
import os
import sys
import time
from collections.abc import Iterator
from typing import TextIO

from msgspec import json, structs

from engine.base.lock import is_held
from engine.base.log import LineLog, Log, output_as_log
from engine.base.log_codes import Code
from engine.base.parent import NEXT, die_with_caller
from engine.base.standard_error import STANDARD_ERROR
from engine.cli.command import Program
from engine.cli.options import add_config_options, settings_from
from engine.cli.printing import VERSION, add_json_option
from engine.node.config import Settings
from engine.node.data_directory import DataDirectory
from engine.node.endpoints import Announced, Endpoints, Ready
from engine.supervisor.supervisor import Supervisor

DESCRIPTION = """Runs a node: one input process, a core and an output process for each partition, a
projector for each view, and this supervisor. Prints one line on standard output when all of them are at
work; everything else goes to standard error. SIGTERM or Ctrl-C stops the node in order; a second Ctrl-C
stops it at once."""
EXAMPLES = """
serve --app notes:app
serve --app notes:app --data /var/lib/notes --endpoint tcp://127.0.0.1:7306
serve --config node.toml --json
"""
PATIENCE_S, LOOK_S = 20.0, 0.01  # for the node before this one


def options(parser: argparse.ArgumentParser, program: Program) -> None:
    """The options of this command."""
    add_config_options(parser, program)
    add_json_option(parser)


def run(options: argparse.Namespace, program: Program) -> int:
    """Runs the node; returns its exit code."""
    die_with_caller()
    is_next = os.environ.pop(NEXT, "") != ""
    with own_standard_output() as ready:
        settings, printed = settings_and_output(options, program)
        log = LineLog("supervisor", settings.config.log_format)
        sys.stdout = sys.stderr = output_as_log(log)
        print(printed, end="")
        if is_next:
            wait_until_free(DataDirectory.at(settings.config.data))

        def on_ready(supervisor: Supervisor) -> None:
            log(Code.NODE_READY, "ready", pid=supervisor.endpoints.pid)
            line = json_line(supervisor.endpoints) if options.json else ready_line(supervisor.endpoints)
            with contextlib.suppress(OSError):  # a reader that left needs no line, and the node goes on
                print(line, file=ready, flush=True)

        return Supervisor(settings, log).run(on_ready, lambda snapshot: log_progress(log, snapshot))


def wait_until_free(data: DataDirectory) -> None:
    """Waits, for a while, until the node is gone that a program has told to stop when it called for this one:
    it loads meanwhile."""
    until = time.monotonic() + PATIENCE_S
    while is_held(data.lock) and time.monotonic() < until:
        time.sleep(LOOK_S)


def settings_and_output(options: argparse.Namespace, program: Program) -> tuple[Settings, str]:
    """The settings, and what was printed before they say how to log it: to resolve them the application is
    imported, which may print."""
    early = io.StringIO()
    try:
        with contextlib.redirect_stdout(early), contextlib.redirect_stderr(early):
            return settings_from(options, program), early.getvalue()
    except BaseException:
        print(early.getvalue(), end="", file=sys.stderr)
        raise


@contextlib.contextmanager
def own_standard_output() -> Iterator[TextIO]:
    """Standard output for the ready line alone: what else is written there meanwhile, by an application
    that prints or by a library, goes to standard error."""
    streams = sys.stdout, sys.stderr
    sys.stdout.flush()
    with open(os.dup(1), "w") as ready:
        os.dup2(STANDARD_ERROR, 1)
        try:
            yield ready
        finally:
            sys.stdout, sys.stderr = streams
            os.dup2(ready.fileno(), 1)


def ready_line(endpoints: Endpoints) -> str:
    """The ready line, for people."""
    queries = ", ".join(f"{view} {endpoint}" for view, endpoint in endpoints.queries.items()) or "no views"
    number = endpoints.partitions
    what = f"{endpoints.app}, {number} partition{'s' if number > 1 else ''}, pid {endpoints.pid}"
    return f"ready: {what}, data {endpoints.data}; commands {endpoints.commands}; queries {queries}"


def json_line(endpoints: Endpoints) -> str:
    """The ready line, for programs."""
    ready = Ready(ready=True, **structs.asdict(endpoints))
    return json.encode(Announced(version=VERSION, data=ready, diagnostics=[])).decode()


def log_progress(log: Log, snapshot: dict[str, dict[str, object]]) -> None:
    """The processes that are not at work yet, and how far they have come."""
    waiting = [
        f"{name} {values['state']}" + (f" at position {values['position']:,}" if values["position"] else "")
        for name, values in snapshot.items()
        if values["state"] in ("starting", "replaying")
    ]
    log(Code.NODE_STARTING, "starting: " + ", ".join(waiting))
