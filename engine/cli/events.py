"""`events read`, `events tail`, `events export`: what has happened, as lines of JSON."""

import argparse
import contextlib
import itertools
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.base.errors import ConfigError, Exit, Fault
from engine.base.identity import partition_of
from engine.base.place import expanded
from engine.base.progress import Progress
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import VERSION, Printer, add_json_option
from engine.reading.lines import line, merged, merged_back
from engine.reading.stores import Stores
from engine.reading.tail import StoredEntry, Tail
from engine.store import Types
from engine.store.entries import aggregate_and_version

DESCRIPTION = """Prints what is stored, one JSON object a line for each entry: all events of one command,
with their aggregate, its version, and their place in the log. Works with or without a running node, and
changes nothing."""
EXAMPLES = """
events tail
events read --type note.created --limit 10
events read --aggregate note-1 --backward
events export all.jsonl
"""
READ = """Prints entries, the oldest first: all, those of one aggregate, or those with events of certain
types."""
TAIL = """Prints the last entries, and then each new one as it is stored, until Ctrl-C. A restart of the
node does not end it."""
EXPORT = """Writes everything up to now to a file, or to standard output, in the order in which the commands
were accepted. The file appears when it is complete."""
OUTSIDE = b'{"version": %d, "data": %%b, "diagnostics": []}\n' % VERSION  # what --json puts around a line
MOST_DIGITS = 18  # so that it fits the 64 bits of a position
TYPE = "with such an event, for example note.created, which stands for all its versions; may be repeated"


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of all three."""
    places = parser.add_subparsers(title="commands", metavar="read|tail|export", dest="what", required=True)
    read = places.add_parser("read", help="print the past", description=READ)
    text = "begin at this position, or version of the aggregate"
    read.add_argument("--from", type=_number, dest="start", metavar="N", help=text)
    read.add_argument("--backward", action="store_true", help="the newest first")
    tail = places.add_parser("tail", help="print what comes", description=TAIL)
    tail.add_argument("--from", type=_number, dest="start", metavar="N", help="begin at this position")
    tail.add_argument("--last", type=_number, default=10, metavar="N", help="begin with the last N (10)")
    for place in (read, tail):
        place.add_argument("--aggregate", metavar="ID", help="of this aggregate only")
        place.add_argument("--limit", type=_number, metavar="N", help="end after N entries")
    export = places.add_parser("export", help="write all to a file", description=EXPORT)
    export.add_argument("file", metavar="FILE", help="where to; - for standard output")
    for place in (read, tail, export):
        add_data_option(place)
        add_json_option(place)
        place.add_argument("--type", action="append", metavar="NAME", help=TYPE)
        place.add_argument("--partition", type=_number, metavar="P", help="of this partition only")


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints what was asked for."""
    stores = Stores(data_from(options))
    try:
        types = Types(options.type) if options.type else None
        partitions = _partitions(stores, options)
        if options.what == "export":
            with Printer(options) as printer:
                return _export(stores, partitions, types, options.file, printer)
        places = {"read": _read, "tail": _tail}[options.what](stores, partitions, types, options)
        for place in itertools.islice(places, options.limit):
            sys.stdout.buffer.write(OUTSIDE % line(place) if options.json else line(place) + b"\n")
            if options.what == "tail":
                sys.stdout.flush()
        sys.stdout.flush()
        return Exit.OK
    finally:
        stores.close()


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        raise argparse.ArgumentTypeError(f"a number of 0 or more is needed, of at most {MOST_DIGITS} digits")
    return int(text)


def _partitions(stores: Stores, options: argparse.Namespace) -> list[int]:
    aggregate = getattr(options, "aggregate", None)
    every = list(range(stores.partitions))
    if aggregate is not None:
        every = [partition_of(aggregate, stores.partitions)]
    if options.partition is None:
        return every
    if options.partition >= stores.partitions:
        raise ConfigError("there is no such partition", partition=options.partition, have=stores.partitions)
    return [p for p in every if p == options.partition]


def _read(
    stores: Stores, partitions: list[int], types: Types | None, options: argparse.Namespace
) -> Iterator[StoredEntry]:
    start, back, tops = options.start, options.backward, stores.positions()
    if options.aggregate is not None:
        return _of_aggregate(stores, partitions, types, options.aggregate, start, back)
    if back:
        upto = tops if start is None else [min(top, start) for top in tops]
        return merged_back(stores, partitions, types, upto=upto)
    return merged(stores, partitions, types, after=max(1, start or 1) - 1, upto=tops)


def _of_aggregate(
    stores: Stores, partitions: list[int], types: Types | None, id: str, start: int | None, back: bool
) -> Iterator[StoredEntry]:
    for partition in partitions:
        reader = stores.reader(partition)
        if reader is None:
            return
        if back:
            entries = reader.entries_of_back(id, None if start is None else start + 1)
        else:
            entries = reader.entries_of(id, max(1, start or 1) - 1)
        for position, entry in entries:
            if types is None or types.wants(entry):
                yield partition, position, entry


def _tail(
    stores: Stores, partitions: list[int], types: Types | None, options: argparse.Namespace
) -> Iterator[StoredEntry]:
    after, id = stores.positions(), options.aggregate
    if options.start is not None:
        after = [max(1, options.start) - 1] * stores.partitions
    else:
        if id is not None:
            back = _of_aggregate(stores, partitions, types, id, None, True)
        else:
            back = merged_back(stores, partitions, types, upto=after)
        known = (place for place in back if place[1] <= after[place[0]])
        yield from reversed([*itertools.islice(known, options.last)])
    tail = Tail(stores, after, types, partitions)
    try:
        while places := tail.take(float("inf")):
            yield from (place for place in places if id is None or aggregate_and_version(place[2])[0] == id)
    finally:
        tail.close()


def _export(stores: Stores, partitions: list[int], types: Types | None, file: str, printer: Printer) -> int:
    tops = stores.positions()
    progress = Progress("events: entries read", sum(tops[p] for p in partitions))
    places = merged(stores, partitions, types, upto=tops)
    if file == "-":
        written = _write(places, sys.stdout.buffer, progress)
        sys.stdout.flush()
    else:
        path = expanded(file)
        if not path.name:
            raise ConfigError("an export needs the name of a file", given=file, hint="- is standard output")
        fresh = path.with_name(path.name + ".part")
        for one in (path, fresh):
            _expect_plain(one)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(fresh, flags, 0o600), "wb") as target:
                written = _write(places, target, progress)
                target.flush()
                os.fsync(target.fileno())
            _expect_plain(path)
            fresh.replace(path)
        except OSError as error:
            raise Fault("the export cannot be written", path=fresh, error=error) from None
        finally:
            with contextlib.suppress(OSError):
                fresh.unlink()
    took = progress.end()
    if file == "-" or not printer.as_json:  # standard output is the export, or has nothing
        print(f"ringfold: {written:,} entries in {took:.1f} s", file=sys.stderr)
    else:
        printer.answer({"file": str(path), "entries": written, "seconds": round(took, 3)}, "")
    return Exit.OK


def _expect_plain(path: Path) -> None:
    """ConfigError if what would be replaced is no plain file: a folder, a link, a pipe, a device."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError("the export cannot be written there", path=path, error=error.strerror) from None
    if not stat.S_ISREG(mode):
        raise ConfigError("only a plain file is replaced by an export", path=path, hint="name another one")


def _write(places: Iterator[StoredEntry], target: BinaryIO, progress: Progress) -> int:
    written = 0
    come: dict[int, int] = {}
    for place in places:
        partition, position, _ = place
        target.write(line(place) + b"\n")
        written += 1
        progress.step(position - come.get(partition, 0))
        come[partition] = position
    return written
