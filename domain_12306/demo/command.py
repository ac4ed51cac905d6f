"""`demo`: its options, and the node that it runs on."""

import argparse
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from domain_12306.command_line import RAILWAY
from domain_12306.rules.times import CHINA
from engine import Node, QueryRefused
from engine.base.errors import ConfigError, Fault
from engine.cli import Program
from engine.cli.options import add_config_options, settings_from
from engine.cli.printing import add_json_option

APP = RAILWAY.defaults["app"]
OWN = ("app", "calendar", "clock", "data", "endpoint")
"""Whatever the settings say: the demo must not touch another node."""
START_S = 60.0

DESCRIPTION = """Shows all of it in less than a minute: starts a node on a temporary directory, which puts
fifteen days on sale by itself; orders tickets as a passenger does, and pays, cancels and forgets them; sells
from several client processes (first at a pace, then as fast as answers come); shows what is left on the most
wanted journey before and after, how many answers there were and how long they took; stops; and holds every
answer against the log, the log against the rules, the view against the log.
Settings come from the same places as those of `serve`, but app, data and endpoint are the demo's own. Exit
code 0, or 5 if a promise was broken."""
EXAMPLES = """
demo
demo --trains 40 --seconds 3
demo --partitions 2 --clients 4
"""


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command: it runs the railway, whatever program it was typed in."""
    parser.add_argument("--trains", type=_positive, metavar="N", help="only the first N trains (all)")
    parser.add_argument("--seconds", type=_seconds, default=10.0, metavar="S", help="how long is sold (10)")
    parser.add_argument("--clients", type=_positive, default=3, metavar="N", help="client processes (3)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of who wants to travel (1)")
    add_json_option(parser)
    add_config_options(parser, RAILWAY)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Tells the story on a node of its own."""
    # Imported here: `demo --help` needs none of it.
    try:
        from domain_12306.app import reference_data
        from domain_12306.demo.screen import speak_json
        from domain_12306.demo.story import Story
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        hint = "pip install 'ringfold[railway]'"
        raise ConfigError("the railway needs numpy, which is not installed", hint=hint) from None

    if options.json:
        speak_json()
    settings = settings_from(options, RAILWAY)
    if settings.config.app != APP:
        raise ConfigError("the demo sells tickets", app=settings.config.app, hint=f"it needs {APP}")
    given = {
        value.name: value.value
        for value in settings.values
        if value.source != "default" and value.name not in OWN
    }
    reference = reference_data(settings.app_settings)
    with tempfile.TemporaryDirectory(prefix="ringfold-demo-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "node.log"
        now = datetime.now(CHINA).isoformat(timespec="seconds")
        clock = f"simulated:{now} x1"  # so that it can be moved
        passed = {**given, "endpoint": "", "clock": clock, "calendar": "on"}
        node = Node(Path(folder) / "data", app=APP, settings=passed, log=log, start_timeout_s=START_S)
        try:
            with node:
                wanted = options.trains, options.seconds, options.clients, options.seed
                story = Story(node, settings, reference, *wanted)
                try:
                    return story.tell()
                except KeyboardInterrupt:  # at a terminal the node has had the same Ctrl-C
                    node.stop()
                    raise
                except (QueryRefused, TimeoutError) as error:
                    raise Fault("the view does not answer", error=error) from None
        except Fault:
            sys.stderr.write(log.read_text(errors="replace"))  # what the node said to it; the folder goes
            raise


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0.1 and 3600 seconds")
    return seconds
