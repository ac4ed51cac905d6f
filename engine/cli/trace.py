"""`trace`: what led to a command and what it led to, as a tree."""

import argparse
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from engine.base.errors import ConfigError, Exit, RingfoldError
from engine.cli.asking import Follower, ask, followers
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.cli.time_text import time_text
from engine.managers.ended import TimerStory
from engine.node.data_directory import DataDirectory
from engine.node.running import find_node
from engine.reading.causes import Causes
from engine.reading.stores import Stores
from engine.reading.trace import NOT_KEPT, Link, Trace, trace
from engine.wire.commands import ids_are_canonical

DESCRIPTION = """Prints the chain around a command as a tree: the command that it all began with, its events,
the commands that followed from them, and so on, with refusals, and with the timers that were set. It does not
matter where in the chain the command stands. The data directory is read; process managers are asked about
their timers if a node runs on it. Outcomes that are no longer kept are named as such. Changes nothing."""
EXAMPLES = "trace 019ab0f3a1c07d2e8f4455a1b2c3d4e5"
MOST_TEXT = 160  # of the fields of an event; --json prints all


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    add_data_option(parser)
    parser.add_argument("id", metavar="ID", help="of any command in the chain")
    add_json_option(parser)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints the tree."""
    if len(options.id) != 32 or not ids_are_canonical([options.id]):
        raise ConfigError("a command id is 32 lower-case hex digits", given=options.id)
    data = data_from(options)
    stores = Stores(data)
    try:
        timers = AskedTimers(_process_managers(data))
        chain = trace(Causes(stores, timers), options.id)
    finally:
        stores.close()
    if chain is None:
        hint = "it was never sent here, or its outcome is no longer kept"
        raise ConfigError("nothing is known of this command", command=options.id, hint=hint)
    with Printer(options) as printer:
        printer.answer(msgspec.to_builtins(chain), "\n".join(lines(chain)))
    return Exit.OK


class AskedTimers:
    """Timers as the process managers of a running node tell of them."""

    def __init__(self, managers: list[Follower]) -> None:
        self._managers = managers

    def set_by(self, command: str) -> list[TimerStory]:
        """The timers that were set because of a command."""
        answers = [ask(manager, "timers-of", {"command": command}) for manager in self._managers]
        return [timer for answer in answers for timer in msgspec.convert(answer, list[TimerStory])]

    def waiting(self, command: str) -> TimerStory | None:
        """The timer that will send a command."""
        for manager in self._managers:
            waiting = [timer["command"] for timer in ask(manager, "instance", {"id": command})["timers"]]
            causes = [one["causation"] for one in waiting if one["id"] == command]
            for story in (story for cause in causes for story in self.set_by(cause)):
                if story.id == command:
                    return story
        return None


def _process_managers(data: DataDirectory) -> list[Follower]:
    with contextlib.suppress(RingfoldError):  # no node runs, and the stores alone are told of
        return [one for one in followers(find_node(data)) if one.kind == "process-manager"]
    return []


def lines(chain: Trace) -> Iterator[str]:
    """The tree for people."""
    if chain.cut:
        yield "… what led to this is not shown"
    yield from _branch(chain.root, chain.asked, "", "")


def _branch(link: Link, asked: str, first: str, rest: str) -> Iterator[str]:
    yield f"{first}{link.command}  {_head(link)}{'  ◀' if link.command == asked else ''}"
    bar = rest + ("│    " if link.led_to or link.cut else "     ")
    yield from (bar + detail for detail in _details(link))
    for number, child in enumerate(link.led_to, 1):
        last = number == len(link.led_to) and not link.cut
        yield from _branch(child, asked, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))
    if link.cut:
        yield rest + "└─ … and more"


def _head(link: Link) -> str:
    """The outcome of a command, in a few words."""
    if link.outcome == "committed":
        where = f"partition {link.partition}, position {link.position}"
        return f"{link.aggregate} version {link.version}  {time_text(link.time_ns)}  ({where})"
    if link.outcome == NOT_KEPT:
        return "no longer kept, or not answered yet"
    if link.outcome in ("rejected", "failed"):
        return f"{link.outcome}: {link.code}{f' ({link.message})' if link.message else ''}"
    return link.outcome


def _details(link: Link) -> Iterator[str]:
    if link.timer is not None:
        yield _timer(link.timer)
    for event in link.events:
        yield f"{event['type']} {_text({name: value for name, value in event.items() if name != 'type'})}"
    if link.result is not None:
        yield f"result {_text(link.result)}"


def _timer(timer: TimerStory) -> str:
    key = f" {timer.key}" if timer.key else ""
    ended = f", by {timer.ended_by}" if timer.ended_by else ""
    what = f"{timer.type} to {timer.aggregate}"
    return f"timer{key}, due {time_text(timer.due_ns)}, {timer.state}{ended}: {what}"


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"
