"""The parser of the command line, and how errors leave it: one line on standard error and an exit code."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.base.errors import Exit, RingfoldError

EPILOG = "exit codes: " + ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Exit)


@dataclass(frozen=True)
class Program:
    """What the program around the engine brings: defaults for settings, and its application's settings."""

    defaults: Mapping[str, Any] = field(default_factory=dict)
    app_settings: Mapping[str, str] = field(default_factory=dict)  # name → help text


@dataclass(frozen=True)
class Command:
    """A command: its name, one line of help, a description, its options, and what it does."""

    name: str
    help: str
    description: str
    options: Callable[[argparse.ArgumentParser, Program], None]
    run: Callable[[argparse.Namespace, Program], int]


def main(
    arguments: Sequence[str] | None = None,
    *,
    program: Program | None = None,
    commands: Sequence[Command] = (),
    prog: str | None = None,
) -> int:
    """Runs the command line; returns the exit code. `commands` come on top of the engine's own."""
    # Imported here because each command imports this module.
    from engine.cli import (
        aggregate,
        check,
        config,
        dead_letter,
        events,
        journal,
        query,
        replay,
        serve,
        snapshot,
        status,
        view,
    )

    program = program or Program()
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Ringfold: commands in, durable events out, one writer per aggregate, state in memory.",
        epilog=EPILOG,
    )
    places = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    own = [
        serve.COMMAND,
        status.COMMAND,
        query.COMMAND,
        view.COMMAND,
        dead_letter.COMMAND,
        events.COMMAND,
        aggregate.COMMAND,
        journal.COMMAND,
        snapshot.COMMAND,
        check.COMMAND,
        replay.COMMAND,
        config.COMMAND,
    ]
    for command in (*own[:1], *commands, *own[1:]):
        place = places.add_parser(
            command.name, help=command.help, description=command.description, epilog=EPILOG
        )
        command.options(place, program)
        place.set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options, program))
    except RingfoldError as error:
        print(f"ringfold: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130  # what a shell reports for Ctrl-C
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `… | head` has seen enough
        return 0
