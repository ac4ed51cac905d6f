"""`completion`: a file by which a shell completes commands and options, without starting Python."""

import argparse
import importlib
from typing import Any, cast

from engine.base.errors import ConfigError, Exit
from engine.cli.arguments import ArgumentParser
from engine.cli.command import CommandModule, Program
from engine.cli.commands import all_commands
from engine.cli.printing import Printer, add_json_option

DESCRIPTION = """Prints what a shell needs to complete commands, options, files and folders at the Tab key. It
is made once, so that completing does not start Python. Needs the extra `cli`."""
EXAMPLES = """
completion bash > ~/.local/share/bash-completion/completions/ringfold
completion zsh > ~/.zfunc/_ringfold
completion fish > ~/.config/fish/completions/ringfold.fish
"""
SHELLS = ("bash", "zsh", "fish")
PROGRAM = "ringfold"
FOLDERS, FILES = ("DIR",), ("FILE", "FILE.py")


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    parser.add_argument("shell", choices=SHELLS, metavar="|".join(SHELLS), help="for which shell")
    add_json_option(parser)


def run(options: argparse.Namespace, program: Program) -> int:
    """Prints it."""
    try:
        import shtab
    except ModuleNotFoundError:
        hint = "pip install 'ringfold[cli]'"
        raise ConfigError("completion is made by shtab, which is not installed", hint=hint) from None
    whole = whole_parser(program, {"folder": shtab.DIRECTORY, "file": shtab.FILE})
    script = shtab.complete(whole, shell=options.shell)
    with Printer(options) as printer:
        printer.answer({"shell": options.shell, "script": script}, script)
    return Exit.OK


def whole_parser(program: Program, kinds: dict[str, Any]) -> ArgumentParser:
    """All commands as one parser. `kinds`: what the generator wants to hear of folders and files."""
    whole = ArgumentParser(prog=PROGRAM, add_help=True)
    whole.add_argument("--version", action="store_true", help="print the version")
    places = whole.add_subparsers(title="commands", metavar="COMMAND")
    for command in all_commands():
        if not command.module:  # it is installed, and cannot be loaded
            continue
        parser = places.add_parser(command.name, help=command.help)
        try:
            cast(CommandModule, importlib.import_module(command.module)).options(parser, program)
        except ModuleNotFoundError:  # it needs what is not installed
            continue
        mark(parser, kinds)
    return whole


def mark(parser: argparse.ArgumentParser, kinds: dict[str, Any]) -> None:
    """Says which arguments are files or folders, here and in the commands of the command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for place in action.choices.values():
                mark(place, kinds)
        elif action.metavar in FOLDERS:
            action.complete = kinds["folder"]  # type: ignore[attr-defined]
        elif action.metavar in FILES:
            action.complete = kinds["file"]  # type: ignore[attr-defined]
