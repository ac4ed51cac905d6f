"""`snapshot take`, `list` and `verify`: what a start begins with instead of the first event."""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from engine.base.errors import ConfigError, Exit, RingfoldError
from engine.base.lock import is_held, lock_data
from engine.base.log import rendered
from engine.base.log_codes import Code
from engine.base.progress import Progress
from engine.cli.command import Program
from engine.cli.options import add_app_options, add_data_option, data_from, data_of, settings_from
from engine.cli.printing import Printer, add_json_option
from engine.cli.table import aligned, cells
from engine.model.app import Engine
from engine.model.loading import load_app
from engine.model.state import state_digest
from engine.node.config import Settings
from engine.node.data_directory import DataDirectory
from engine.node.roles import SNAPSHOTTER
from engine.node.running import find_node
from engine.node.status import StatusPage
from engine.snapshots import SnapshotHeader, Standby, code_mark, load, verify
from engine.snapshots.loading import Unusable, read_header
from engine.snapshots.request import Request

DESCRIPTION = """Snapshots of the aggregates, so that a start need not read old events. A node takes them by
itself every `snapshot_events` events. Deleting all of them costs time at the next start and nothing else."""
EXAMPLES = """
snapshot list
snapshot take --app notes:app
snapshot verify --app notes:app --events
"""
TAKE = """Takes a snapshot of each partition that has anything new, and waits for it. The running node takes
it; where none is running, this command does, with the settings of `serve`."""
LIST = "Prints a line for each snapshot, the newest first. Only their headers are read."
VERIFY = """Reads every byte of every snapshot. With --events, also makes the same state from the event
store alone, from the first event on, and compares; this takes the settings of `serve`. Exit code 4 if one
is not sound."""
NONE_YET = "there are no snapshots yet"
COLUMNS = ("partition", "position", "sequence", "aggregates", "bytes", "made")
NO_SNAPSHOTS = "it was started with snapshot_events=0, as `dev` does without --set snapshot_events=1000000"


def options(parser: argparse.ArgumentParser, program: Program) -> None:
    """The options of the three commands."""
    places = parser.add_subparsers(title="commands", metavar="take|list|verify", dest="what", required=True)
    place = places.add_parser("take", help="take one now", description=TAKE)
    add_app_options(place, program)
    place.add_argument(
        "--timeout", type=float, default=3600.0, metavar="SECONDS", help="give up after (3600)"
    )
    place = places.add_parser("list", help="print which there are", description=LIST)
    add_data_option(place)
    place = places.add_parser("verify", help="check them", description=VERIFY)
    add_app_options(place, program)
    place.add_argument("--events", action="store_true", help="compare with the events")
    for place in places.choices.values():
        add_json_option(place)


def run(options: argparse.Namespace, program: Program) -> int:
    """Does what was asked for."""
    with Printer(options) as printer:
        if options.what == "list":
            return _list(data_from(options), printer)
        return _take_or_verify(options, program, printer)


def _take_or_verify(options: argparse.Namespace, program: Program, printer: Printer) -> int:
    settings = settings_from(options, program)
    data = data_of(settings)
    if options.what == "verify":
        return _verify(data, settings, options.events, printer)
    if is_held(data.lock):
        _ask(data, options.timeout)
    else:
        _take(data, settings)
    return _list(data, printer)


def _ask(data: DataDirectory, timeout_s: float) -> None:
    """Has the running node take them."""
    with StatusPage.attach(find_node(data).status) as page:
        if SNAPSHOTTER.name not in page.names:
            raise ConfigError("this node takes no snapshots", hint=NO_SNAPSHOTS)
        slot = page.slot(SNAPSHOTTER.name)
        before, begun = slot.notes_written, slot.progress
        progress = Progress("snapshots, steps", 0)
        request, deadline = Request(data.snapshot_request), time.monotonic() + timeout_s
        request.make()
        while request.is_there():
            if time.monotonic() > deadline or not is_held(data.lock):
                progress.end()
                raise RingfoldError("the node has not taken the snapshots", path=data.path)
            time.sleep(0.05)
            progress.step(slot.progress - begun - progress.done)
        progress.end()
        if slot.notes_written == before:
            raise RingfoldError("the snapshots could not be taken", hint="the log of the node says why")


def _take(data: DataDirectory, settings: Settings) -> None:
    """Takes them here, as no node is running."""
    app = _app(settings)
    lock = lock_data(data.lock)
    try:
        data.open(app.name, app.fingerprint, settings.config.partitions, given=False)
        for p in range(data.partitions):
            progress = Progress(f"partition {p}, steps", 0)
            with contextlib.closing(data.reader(p)) as reader:
                Standby(data.snapshot_folder(p), app, reader, _say, beat=progress.step).take()
            progress.end()
    finally:
        os.close(lock)


def _list(data: DataDirectory, printer: Printer) -> int:
    rows: list[dict[str, object]] = []
    for path, header in _headers(data):
        row: dict[str, object] = {"path": str(path), "bytes": path.stat().st_size}
        if isinstance(header, SnapshotHeader):
            made = datetime.fromtimestamp(header.made_ns / 1e9, UTC).isoformat(timespec="seconds")
            names = ("partition", "position", "sequence", "aggregates")
            row |= {name: getattr(header, name) for name in names}
            row["made"] = made
        else:
            row["problem"] = header
        rows.append(row)
    table = aligned([COLUMNS, *(cells(row.get(name) for name in COLUMNS) for row in rows)], left=0)
    for row in rows:
        if "problem" in row:
            printer.warn("unusable", f"{row['path']}: {row['problem']}")
    printer.answer(rows, "\n".join(table) if rows else NONE_YET)
    return Exit.OK


def _verify(data: DataDirectory, settings: Settings, events: bool, printer: Printer) -> int:
    app = _app(settings) if events else None
    well = True
    headers = list(_headers(data))
    if not headers:
        printer.answer([], NONE_YET)
    for path, _ in headers:
        progress = Progress(f"{path.name}, steps", 0)
        try:
            header = verify(path, beat=progress.step)
            if app is not None:
                _compare(data, header, path, app, progress)
            progress.end()
            printer.answer({"path": str(path), "problem": ""}, f"{path}: sound")
        except Unusable as why:
            progress.end()
            printer.answer({"path": str(path), "problem": str(why)}, f"{path}: {why}")
            well = False
    return Exit.OK if well else Exit.CORRUPT


def _compare(
    data: DataDirectory, header: SnapshotHeader, path: Path, app: Engine, progress: Progress
) -> None:
    """Raises Unusable if the state in it is not that of the events."""
    with contextlib.closing(data.reader(header.partition)) as reader:
        snapshot = load(path, app, code_mark(app), command_at=reader.command_at, beat=progress.step)
        standby = Standby(data.snapshot_folder(header.partition), app, reader, _say, beat=progress.step)
        replayed = standby.replayed(snapshot.position).aggregates
    if not snapshot.complete:  # idle ones were left out
        replayed = {name: one for name, one in replayed.items() if name in snapshot.aggregates}
    if state_digest(replayed) != state_digest(snapshot.aggregates):
        raise Unusable("the events up to its position make another state")


def _headers(data: DataDirectory) -> Iterator[tuple[Path, SnapshotHeader | str]]:
    """Every snapshot, with its header or what is wrong."""
    for p in range(data.partitions):
        for snapshot in data.snapshot_folder(p).snapshots():
            try:
                yield snapshot.path, read_header(snapshot.path)
            except Unusable as why:
                yield snapshot.path, str(why)


def _app(settings: Settings) -> Engine:
    return load_app(settings.app(), settings.app_settings)


def _say(code: Code, text: str, /, *, hint: str = "", trace: str = "", **facts: object) -> None:
    """A log that speaks as the command does."""
    print(f"ringfold: {rendered(text, facts, hint, trace)}", file=sys.stderr)
