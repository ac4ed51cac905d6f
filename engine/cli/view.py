"""`view list` and `view rebuild`: the views of a running node, their versions, and building one again."""

import argparse
import time
from typing import Any

from engine.base.errors import ConfigError, Exit, RingfoldError
from engine.base.progress import Progress
from engine.cli.asking import Follower, ask, ask_all, followers
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.node.running import find_node

DESCRIPTION = """The views of the node that runs on a data directory. A view is built from the events alone,
so it can be rebuilt at any time; the old one answers until the new one has caught up."""
EXAMPLES = """
view list
view rebuild notes
"""
LIST = """Prints which version of each view is served, how far it is behind, and what is being built beside
it. Exit code 75 if one does not answer."""
REBUILD = """Builds a view again from the first event, beside the one that is served, and waits until the
new one has taken over. Ctrl-C ends the waiting, not the building."""
LOOK_S = 0.2


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of both."""
    places = parser.add_subparsers(title="commands", metavar="list|rebuild", dest="what", required=True)
    place = places.add_parser("list", help="print all views", description=LIST)
    add_data_option(place)
    place = places.add_parser("rebuild", help="build one again", description=REBUILD)
    add_data_option(place)
    place.add_argument("name", metavar="VIEW", help="which one")
    place.add_argument("--no-wait", action="store_true", help="begin and leave")
    for place in places.choices.values():
        add_json_option(place)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Does what was asked for."""
    node = find_node(data_from(options))
    views = [follower for follower in followers(node) if follower.kind == "view"]
    with Printer(options) as printer:
        if options.what == "list":
            versions = ask_all(views, "versions", printer)
            texts = [_told(view, known) for view, known in versions]
            texts = texts if views else ["this node has no views"]
            printer.answer([{"view": view.name, **known} for view, known in versions], "\n".join(texts))
            return Exit.OK if len(versions) == len(views) else Exit.TEMPORARY
        for view in views:
            if view.name == options.name:
                return _rebuild(view, not options.no_wait, printer)
    raise ConfigError("there is no such view", view=options.name, known=", ".join(node.queries) or "none")


def _rebuild(view: Follower, wait: bool, printer: Printer) -> int:
    aim = ask(view, "rebuild")["folder"]
    if not wait:
        told = {"view": view.name, "folder": aim, "served": False}
        printer.answer(told, f"view {view.name} is being built in {aim}")
        return Exit.OK
    progress = Progress(f"{aim}: events", sum(ask(view, "versions")["store"]))
    while True:
        versions = ask(view, "versions", timeout_s=60.0)  # it does not answer while it loads what was built
        if versions["served"]["folder"] == aim:
            progress.step(sum(versions["served"]["positions"]) - progress.done)
            took_s = progress.end()
            told = {"view": view.name, "folder": aim, "served": True, "seconds": round(took_s, 3)}
            printer.answer(told, f"view {view.name} is served from {aim}, built in {took_s:.1f} s")
            return Exit.OK
        building = versions["building"]
        if building is None or building["folder"] != aim or building["state"] == "failed":
            raise RingfoldError("the view was not built", view=view.name, hint="the node's log says why")
        progress.step(sum(building["positions"] or ()) - progress.done)
        time.sleep(LOOK_S)


def _told(view: Follower, versions: dict[str, Any]) -> str:
    served, store = versions["served"], sum(versions["store"])
    behind = store - sum(served["positions"])
    line = f"{view.name}  version {served['version']} in {served['folder']}, {store:,} events"
    line += f", {behind:,} behind" if behind > 0 else ""
    line += ", partly made by other code" if served["other_code"] else ""
    building = versions["building"]
    if building is not None:
        done = sum(building["positions"] or ())
        line += f"; {building['folder']} has {done:,} of them, {building['state']}"
    return line
