"""`journal dump` and `journal verify`: what was accepted, and whether it can still be read."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.errors import ConfigError, CorruptData, Exit, Fault
from engine.base.lock import is_held
from engine.cli.command import Program
from engine.cli.options import add_data_option, data_from
from engine.cli.printing import Printer, add_json_option
from engine.journal import dump, read, verify
from engine.node.data_directory import DataDirectory
from engine.wire.commands import split_commands
from engine.wire.sections import decode_payload, groups_of, header_of

DESCRIPTION = "Inspects the journal, which is the record of every accepted command. Changes nothing."
EXAMPLES = """
journal verify
journal dump --commands --after 1000
"""
DUMP = """Prints one JSON object a line: each segment, batch and seal of the journal, or each command. While
a node is writing, the last batch may look torn."""
VERIFY = """Reads every byte of the journal and says what a start would do with it. Compares its end with
the event store, which tells a lost tail from a torn one. Exit code 0 if it is sound, 4 if not."""


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of both commands."""
    places = parser.add_subparsers(title="commands", metavar="dump|verify", dest="what", required=True)
    place = places.add_parser("dump", help="print it", description=DUMP)
    add_data_option(place)
    place.add_argument(
        "--after", type=int, default=0, metavar="SEQUENCE", help="begin after this sequence (0)"
    )
    place.add_argument("--commands", action="store_true", help="print the commands instead of the batches")
    place = places.add_parser("verify", help="check it", description=VERIFY)
    add_data_option(place)
    for place in places.choices.values():
        add_json_option(place)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints what was asked for."""
    data = data_from(options)
    folder = data.journal
    if not folder.is_dir():
        raise ConfigError("there is no journal in this directory", path=data.path)
    with Printer(options) as printer:
        if options.what == "verify":
            return _verify(data, folder, printer)
        lines = commands(folder, options.after) if options.commands else dump(folder, options.after)
        for line in lines:
            printer.answer(line, "" if printer.as_json else json.dumps(line, ensure_ascii=False))
    return Exit.OK


def commands(folder: Path, after: int = 0) -> Iterator[dict[str, Any]]:
    """Every command after a sequence: sequence, partition, time_ns, client (hex), command (as sent). One that
    cannot be shown as JSON is null, with its `text` and the `problem`."""
    for frame in read(folder, after):
        for partition, section in decode_payload(frame.payload):
            sequence, _, time_ns, _, _ = header_of(section)
            for who, _, body in groups_of(section):
                for command in split_commands(body):
                    if sequence > after:
                        yield {
                            "sequence": sequence,
                            "partition": partition,
                            "time_ns": time_ns,
                            "client": who.hex(),
                            **_shown(command),
                        }
                    sequence, time_ns = sequence + 1, time_ns + 1


def _shown(command: bytes) -> dict[str, Any]:
    """The gate reads only what it needs of a command: the rest may be of any bytes, and of any depth."""
    try:
        shown = msgspec.json.decode(command)
        json.dumps(shown)
    except (*NOT_DECODABLE, ValueError) as error:
        text = command.decode("utf-8", "backslashreplace")
        return {"command": None, "text": text, "problem": str(error)}
    return {"command": shown}


def _verify(data: DataDirectory, folder: Path, printer: Printer) -> int:
    witness, unread = witness_in(data)
    report = verify(folder, witness)
    if unread:
        printer.warn("unread", unread)
    if is_held(data.lock):
        printer.warn("running", "a node is running here: the end of the journal moves")
    stored = f"event store: commands up to sequence {witness} are stored with their events"
    printer.answer({**msgspec.to_builtins(report, enc_hook=str), "witness": witness}, f"{report}\n{stored}")
    return Exit.OK if report.sound and not unread else Exit.CORRUPT


def witness_in(data: DataDirectory) -> tuple[int, str]:
    """(last command sequence that any partition's store holds, why a store could not be read). Of a store
    that follows a cluster nothing is in the journal."""
    last = 0
    for partition in range(data.partitions):
        try:
            if not data.has_store(partition):
                continue
            reader = data.reader(partition)
        except (CorruptData, Fault) as error:
            return last, str(error)
        if reader.place() is None:
            last = max(last, reader.sequence())
        reader.close()
    return last, ""
