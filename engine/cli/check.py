"""`check`: can this application read everything that is stored?"""

import argparse
from collections.abc import Iterator

import msgspec

from engine.base.errors import Exit
from engine.base.progress import Progress
from engine.cli.command import Program
from engine.cli.options import add_app_options, app_and_data_from
from engine.cli.printing import Printer, add_json_option
from engine.reading.compatibility import Compatibility, Kind, registration_problem
from engine.reading.stores import Stores

DESCRIPTION = """Reads every stored event as the application would, and names what it cannot read: events
that it does not know, old ones that no chain of upcasters brings to a version of today, events that do not
fit their class, and gaps in positions and versions. Run it with new code before that code is started, on a
copy of the data or beside the running node. Changes nothing. Exit code 0 if all is well, 4 if not."""
EXAMPLES = """
check --app notes:app
check --app notes:app --data /var/lib/notes --json
"""
GO_ON = (
    "events that do not fit their class are mended by an upcaster: give the class the next version, and"
    " register @app.upcaster(name, old, new), which gets what is stored and returns fields that fit"
)
MOST_BREAKS = 20  # printed in full; a store with more is not read line by line


def options(parser: argparse.ArgumentParser, program: Program) -> None:
    """The options of this command."""
    add_json_option(parser)
    add_app_options(parser, program)


def run(options: argparse.Namespace, program: Program) -> int:
    """Prints what it found."""
    app, data = app_and_data_from(options, program)
    registered = registration_problem(app)
    compatibility = Compatibility(app)
    stores = Stores(data)
    try:
        progress = Progress("check: entries", sum(stores.positions()))
        for partition in range(stores.partitions):
            for count in compatibility.take(partition, stores):
                progress.step(count)
        progress.end()
    finally:
        stores.close()
    kinds = sorted(compatibility.kinds.values(), key=lambda kind: kind.tag)
    sound = compatibility.sound and not registered
    report = {"sound": sound, "application": registered, "entries": compatibility.entries}
    report |= msgspec.to_builtins({"events": kinds, "breaks": compatibility.breaks})
    with Printer(options) as printer:
        if not sound:
            printer.warn("cannot-work", "this application cannot work on this data directory")
            if any(kind.readable and kind.problem for kind in kinds):
                printer.warn("do-not-fit", GO_ON)
        printer.answer(report, "\n".join(lines(compatibility, kinds, registered)))
    return Exit.OK if sound else Exit.CORRUPT


def lines(compatibility: Compatibility, kinds: list[Kind], registered: str) -> Iterator[str]:
    """The report for people."""
    yield f"{compatibility.entries:,} entries, {sum(kind.count for kind in kinds):,} events"
    if registered:
        yield f"application: {registered}"
    width = max((len(kind.tag) for kind in kinds), default=0)
    for kind in kinds:
        place = f"from partition {kind.partition} position {kind.position:,} on ({kind.aggregate})"
        if kind.problem:
            yield f"{kind.tag:<{width}}  {kind.count:>12,}  {kind.bad:,} of them {place}: {kind.problem}"
        else:
            yield f"{kind.tag:<{width}}  {kind.count:>12,}  {kind.verdict}"
    for gap in compatibility.breaks[:MOST_BREAKS]:
        yield f"partition {gap.partition} position {gap.position:,}: {gap.what}"
    if len(compatibility.breaks) > MOST_BREAKS:
        yield f"and {len(compatibility.breaks) - MOST_BREAKS:,} more breaks"
