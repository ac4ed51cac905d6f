"""From the arguments to one command, and how errors leave it: one line on standard error, an exit code.

Only the command that is used is imported, and only its parser is built. Help for all of them is a table.
"""

import contextlib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import engine.base
from engine.base.called import called, note_call
from engine.base.errors import ConfigError, Exit, Fault, RingfoldError
from engine.base.standard_error import ensure_standard_streams
from engine.cli.command import Command, CommandModule, Program
from engine.cli.commands import all_commands, command_named

if TYPE_CHECKING:
    from engine.cli.arguments import ArgumentParser

WIDTH = 100
ABOUT = "Ringfold: commands in, durable events out, one writer per aggregate, state in memory."
EXIT_CODES = "exit codes: " + ", ".join(
    f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Exit
)


def main(
    arguments: Sequence[str] | None = None,
    *,
    program: Program | None = None,
    commands: Sequence[Command] = (),
) -> int:
    """Runs the command line; returns the exit code. `commands` come on top of the engine's own."""
    note_call()
    _open_streams()
    typed = list(sys.argv[1:] if arguments is None else arguments)
    complain = _complain_as_json if "--json" in typed else _complain
    try:
        code = _run(typed, program or Program(), commands)
        sys.stdout.flush()
        return code
    except RingfoldError as error:
        complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130  # what a shell reports for Ctrl-C
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `… | head` has seen enough
        return 0
    except UnicodeEncodeError as error:  # ids and names of the engine are UTF-8; paths may be of any bytes
        complain(ConfigError(f"an argument is no UTF-8 text: {error.object!r}"))
        return Exit.CONFIG
    except OSError as error:
        complain(Fault(f"the system refused: {error}"))
        return Exit.DISK_FAULT


def _open_streams() -> None:
    """Python has None for a stream that was closed when it started, and `print` then takes another one."""
    ensure_standard_streams()
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # an id may have what no encoding has


def _complain(error: RingfoldError) -> None:
    """One line on standard error, if anyone can read it."""
    from engine.base.runbook import page_for, see

    _say(f"ringfold: {see(str(error), page_for(error))}")


def _complain_as_json(error: RingfoldError) -> None:
    """The same for programs."""
    from engine.base.runbook import page_for, see
    from engine.cli.printing import diagnostic, envelope

    code = error.exit_code.name.lower().replace("_", "-")
    told = diagnostic("error", code, error.message, see(error.hint, page_for(error)), error.facts)
    _say(envelope(None, [told]))


def _say(line: str) -> None:
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:  # what is left of it must not be tried again at the end: that would be another exit code
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _run(arguments: list[str], program: Program, commands: Sequence[Command]) -> int:
    first = arguments[0] if arguments else ""
    if first in ("-h", "--help"):
        print(overview(commands))
        return Exit.OK
    if first == "--version":
        print(f"ringfold {engine.__version__}")
        return Exit.OK
    if not first:
        print(overview(commands), file=sys.stderr)
        return Exit.CONFIG
    command = command_named(first, commands)
    if command is None:
        raise _unknown(first, commands)
    module = cast(CommandModule, importlib.import_module(command.module))
    options = parser_of(command, module, program).parse(arguments[1:])
    return int(module.run(options, program))


def overview(commands: Sequence[Command] = ()) -> str:
    """The help of the whole: every command with its line, and the exit codes."""
    from textwrap import fill

    every = all_commands(commands)
    width = max(len(command.name) for command in every)
    rows = [f"  {command.name:<{width}}  {command.help}" for command in every]
    usage = f"usage: {called()} COMMAND ...\n       {called()} COMMAND --help\n       {called()} --version"
    return "\n".join([usage, "", ABOUT, "", "commands:", *rows, "", fill(EXIT_CODES, WIDTH)])


def parser_of(command: Command, module: CommandModule, program: Program) -> "ArgumentParser":
    """The parser of one command."""
    from argparse import RawDescriptionHelpFormatter
    from textwrap import fill

    from engine.cli.arguments import ArgumentParser

    examples = [f"  {called()} {line}" for line in getattr(module, "EXAMPLES", "").strip().splitlines()]
    codes = [] if getattr(module, "OWN_EXIT_CODES", False) else ["", fill(EXIT_CODES, WIDTH)]
    parser = ArgumentParser(
        prog=f"{called()} {command.name}",
        description="\n\n".join(_filled(paragraph) for paragraph in module.DESCRIPTION.split("\n\n")),
        epilog="\n".join([*(["examples:", *examples] if examples else []), *codes]).strip(),
        formatter_class=RawDescriptionHelpFormatter,
    )
    module.options(parser, program)
    return parser


def _filled(paragraph: str) -> str:
    """Lines as long as the help is wide; what is indented is a table."""
    from textwrap import fill

    return paragraph if paragraph.startswith("  ") else fill(" ".join(paragraph.split()), WIDTH)


def _unknown(name: str, commands: Sequence[Command]) -> ConfigError:
    from difflib import get_close_matches

    if name.startswith("-"):
        hint = f"options stand after the command: {called()} COMMAND {name} ..."
        return ConfigError("a command comes first", given=name, hint=hint)
    close = get_close_matches(name, [command.name for command in all_commands(commands)], 1, 0.7)
    hint = f"`{called()} --help` lists all commands"
    hint = f"did you mean {close[0]}? {hint}" if close else hint
    return ConfigError("there is no such command", command=name, hint=hint)
