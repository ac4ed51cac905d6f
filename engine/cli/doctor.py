"""`doctor`: one text about a node, to paste into a ticket."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.base.errors import Exit, RingfoldError
from engine.cli import diagnosis
from engine.cli.command import Program
from engine.cli.diagnosis import LEAST_SHARED_BYTES, Section, gathered
from engine.cli.letters import told_of
from engine.cli.options import add_app_options, data_from, settings_from
from engine.cli.printing import Printer, add_json_option
from engine.cli.sending import Sending
from engine.cli.sizes import size_text
from engine.cli.status import HEADINGS
from engine.cli.table import aligned, cells
from engine.cli.time_text import time_text
from engine.node.config import Settings
from engine.node.data_directory import DataDirectory

DESCRIPTION = """Prints all that a person who was not there needs to know: what is wrong and which page of the
runbook is about it, versions, the machine, the data directory, settings and where they come from, processes
with lags and restarts, rings, dead letters, timers, and the last lines of the log. Works whether a node runs
on the directory or not, and changes nothing. What looks like a secret is masked; look at the text before it
leaves the house all the same."""
EXAMPLES = """
doctor
doctor --data /var/lib/notes --log /var/log/notes.log > ticket.txt
doctor --lines 200 --all-settings
"""
LINES = 40
MOST_SENDERS = 5
RATES = ("per_s", "lag_per_s")
DEFAULT = "default"


def options(parser: argparse.ArgumentParser, program: Program) -> None:
    """The options of this command."""
    add_json_option(parser)
    text = "of the node (beside the data directory, or in it: NAME.log, node.log)"
    parser.add_argument("--log", type=Path, metavar="FILE", help=text)
    parser.add_argument("--lines", type=int, default=LINES, metavar="N", help=f"of the log ({LINES})")
    text = "print them all; otherwise those that differ from the default"
    parser.add_argument("--all-settings", action="store_true", help=text)
    add_app_options(parser, program)


def run(options: argparse.Namespace, program: Program) -> int:
    """Prints it."""
    settings: Settings | None = None
    trouble = ""
    try:
        settings = settings_from(options, program)
    except RingfoldError as error:  # that the settings are wrong is part of the diagnosis
        trouble = str(error)
    options.data = options.set_data or (settings.config.data if settings else None)
    sections = diagnose(data_from(options), settings, trouble, options.log, max(0, options.lines))
    with Printer(options) as printer:
        printer.answer(sections, "\n".join(lines(sections, all_settings=options.all_settings)))
    return Exit.OK


def diagnose(
    data: DataDirectory, settings: Settings | None, trouble: str, log: Path | None, count: int
) -> dict[str, Section]:
    """All sections, by name."""
    look = diagnosis.looked_at(data)
    seen = look.seen if look is not None else None
    sections = {
        "findings": gathered(lambda: diagnosis.findings(look)),
        "versions": diagnosis.versions(),
        "machine": gathered(lambda: diagnosis.machine(data)),
        "directory": gathered(lambda: diagnosis.directory(data)),
        "settings": gathered(lambda: diagnosis.settings_of(settings, seen)) or {"problem": trouble},
    }
    if look is not None:
        sections["node"] = gathered(lambda: diagnosis.node(look))
        sections["followers"] = gathered(lambda: diagnosis.asked(look.seen))
    else:
        sections["stopped"] = gathered(lambda: diagnosis.stored(data))
    sections["log"] = gathered(lambda: diagnosis.log_of(data, log, count))
    return sections


def lines(sections: dict[str, Section], *, all_settings: bool = False) -> Iterator[str]:
    """The text. Every section has a heading, so that one can be found."""
    for name, section in sections.items():
        yield f"== {name}"
        if "problem" in section:
            yield f"cannot be told: {section['problem']}"
        elif name == "settings":
            yield from _settings(section, all_settings)
        else:
            yield from _WRITERS[name](section)
        yield ""


def _findings(section: Section) -> Iterator[str]:
    for reason in section["reasons"]:
        yield f"{reason['level'].upper()}: {reason['text']} ({reason['runbook']})"
    if not section["reasons"]:
        yield "nothing is wrong that is known of"


def _versions(section: Section) -> Iterator[str]:
    yield ", ".join(f"{name} {text}" for name, text in section.items())


def _machine(section: Section) -> Iterator[str]:
    memory, free = size_text(section["memory_bytes"]), size_text(section["memory_available_bytes"])
    yield f"{section['cpus']} cpus, load {section['load']}, memory {memory}, {free} available"
    yield f"disk of the data: {size_text(section['disk_free_bytes'])} free"
    for place, room in section["rings_free_bytes"].items():
        small = " (small: see --shm-size of containers)" if room < LEAST_SHARED_BYTES else ""
        yield f"room for rings: {place} {size_text(room)} free{small}"


def _directory(section: Section) -> Iterator[str]:
    runs = "a node runs on it" if section["running"] else "no node runs on it"
    mode = f"; others may enter it (mode {section['mode']})" if section["mode"] else ""
    yield f"{section['path']}: {runs}{mode}"
    told = {name: value for name, value in section["manifest"].items() if value != ""}
    yield ", ".join(f"{name} {value}" for name, value in told.items())
    yield ", ".join(f"{name} {size_text(size)}" for name, size in section["bytes"].items())


def _settings(section: Section, all: bool) -> Iterator[str]:
    """Those that were set first, because a cause is rather among them."""
    rows = [(name, one["value"] or '""', one["source"]) for name, one in section.items()]
    rows.sort(key=lambda row: row[2] == DEFAULT)
    shown = [row for row in rows if all or row[2] != DEFAULT]
    yield from aligned(shown, left=3) if shown else ()
    if left := len(rows) - len(shown):
        yield f"{left} more have their defaults: --all-settings prints them"


def _node(section: Section) -> Iterator[str]:
    yield f"node {section['app']}, pid {section['pid']}"
    yield from (f"{name} {endpoint}" for name, endpoint in section["endpoints"].items() if endpoint)
    yield from (f"notice: {text}" for text in section["notices"])
    rows = [
        {**row, "pid": str(row["pid"]), **{rate: _rate(row[rate]) for rate in RATES}}
        for row in section["processes"].values()
    ]
    headings = (*HEADINGS, *RATES)
    yield from aligned([headings, *(cells(row[key] for key in headings) for row in rows)])
    yield from _failed(section["failed"])
    if section["committed_ms"]:
        yield "until committed: p50 {:.1f} ms, p99 {:.1f} ms".format(*section["committed_ms"])
    yield "busy: " + (
        ", ".join(
            f"{why} {count:,} ({section['busy_per_s'][why]:,.0f}/s now)"
            for why, count in section["busy"].items()
            if count
        )
        or "none"
    )
    for process, senders in section["senders"].items():
        for one in senders[:MOST_SENDERS]:
            yield f"{process} takes from {Sending(**one).text()}"
    rings = section["rings"].items()
    yield "rings: " + ", ".join(
        f"{name} {size_text(one['used'])} of {size_text(one['capacity'])}" for name, one in rings
    )


def _rate(value: float | None) -> int | None:
    return None if value is None else round(value)


def _failed(failures: Section) -> Iterator[str]:
    for name, failure in failures.items():
        told = f"since {failure['since']}: {failure['cause']}" if failure else "the note cannot be read"
        yield f"{name} failed {told}"


def _followers(section: Section) -> Iterator[str]:
    yield f"dead letters: {section['dead_letters_total']}"
    yield from (f"  {told_of(group)}" for group in section["dead_letter_groups"])
    for name, told in section["timers"].items():
        due = told.get("next_due_ns")
        yield f"timers of {name}: {told['waiting']}" + (f", the next due {time_text(due)}" if due else "")
    for name, entries in section.get("outboxes", {}).items():
        for one in entries:
            refused = f", refused: {one['refusal']}" if one["refusal"] else ""
            yield f"{name} waits for {one['type']} to {one['aggregate']} (id {one['id']}){refused}"


def _stopped(section: Section) -> Iterator[str]:
    for p, told in section["partitions"].items():
        yield f"partition {p}: {_facts(told)}"
    for name, told in section["followers"].items():
        yield f"{name}: {_facts(told)}"
    yield from _failed(section["failed"])
    yield from _followers(section)


def _facts(told: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in told.items())


def _log(section: Section) -> Iterator[str]:
    if not section["file"]:
        yield "the log went to standard error of the node; name its file with --log FILE"
        return
    yield f"the end of {section['file']}:"
    yield from section["lines"]


_WRITERS = {
    "findings": _findings,
    "versions": _versions,
    "machine": _machine,
    "directory": _directory,
    "node": _node,
    "followers": _followers,
    "stopped": _stopped,
    "log": _log,
}
