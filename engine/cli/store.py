"""`store verify`: whether everything that is kept in LMDB can be read, and agrees."""

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec

from engine.base.errors import CorruptData, Exit, RingfoldError
from engine.base.lock import is_held
from engine.cli.apart import apart
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.node.data_directory import DataDirectory
from engine.store.pages import examine
from engine.store.scrub import Scrub
from engine.store.views import count_items

DESCRIPTION = "Inspects the event stores, the views and what process managers keep. Changes nothing."
EXAMPLES = """
store verify
store verify --data /var/lib/notes --json
"""
VERIFY = """Reads every page and every value of the event stores, the views and the process managers, and
holds log and indexes of each store against each other. While a node is running, pages are not looked at by
themselves, because it writes to them. Exit code 0 if all is sound, 4 if not."""


class Verdict(msgspec.Struct):
    """What was found in one folder. `entries`: events of a store, items of a follower. `pages`: 0 if they
    were not looked at. `problem`: the first one; empty if there is none."""

    folder: str
    entries: int = 0
    pages: int = 0
    problem: str = ""

    def __str__(self) -> str:
        if self.problem:
            return f"{self.folder}: {self.problem}"
        pages = f", {self.pages:,} pages" if self.pages else ""
        return f"{self.folder}: {self.entries:,} entries{pages}: sound"


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of the one command."""
    places = parser.add_subparsers(title="commands", metavar="verify", dest="what", required=True)
    place = places.add_parser("verify", help="check them", description=VERIFY)
    add_data_option(place)
    add_json_option(place)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints a line for each folder."""
    data = data_from(options)
    runs, sound = is_held(data.lock), True
    with Printer(options) as printer:
        for verdict in verdicts(data, by_page=not runs):
            sound = sound and not verdict.problem
            printer.answer(msgspec.to_builtins(verdict), str(verdict))
        if runs:
            printer.warn("running", "a node is running here: its pages were not looked at")
    return Exit.OK if sound else Exit.CORRUPT


def verdicts(data: DataDirectory, *, by_page: bool) -> Iterator[Verdict]:
    """What is found in each event store, view and process manager, once all of it is read. `by_page`: pages
    are looked at too, which no process may write to meanwhile."""
    for folder, entries in _folders(data):
        name = str(folder.relative_to(data.path))
        yield _in_child(Verdict(name), folder, entries, by_page)


def _folders(data: DataDirectory) -> Iterator[tuple[Path, Callable[[], int]]]:
    """(folder, what reads all of it and counts) of each environment."""
    for partition in range(data.partitions):
        if data.has_store(partition):
            yield data.store(partition), partial(_count_events, data, partition)
    for parent in (data.views, data.managers):
        for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
            if os.path.lexists(folder / "data.mdb"):
                yield folder, partial(count_items, folder)


def _count_events(data: DataDirectory, partition: int) -> int:
    with closing(data.reader(partition)) as reader:
        scrub = Scrub(reader)
        while scrub.turn():
            pass
        return scrub.done


def _looked_at(verdict: Verdict, folder: Path, entries: Callable[[], int], by_page: bool) -> Verdict:
    try:
        if by_page:
            verdict.pages = examine(folder).pages
        verdict.entries = entries()
    except (RingfoldError, OSError) as error:
        verdict.problem = str(error)
    return verdict


def _in_child(verdict: Verdict, folder: Path, entries: Callable[[], int], by_page: bool) -> Verdict:
    try:
        told = apart(lambda: msgspec.json.encode(_looked_at(verdict, folder, entries, by_page)), folder)
    except CorruptData as error:
        verdict.problem = str(error)
        return verdict
    return msgspec.json.decode(told, type=Verdict)
