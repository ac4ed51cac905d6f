"""A command of the command line, and what a program around the engine adds to all of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import argparse


class Command(NamedTuple):
    """A command: its name, one line of help, and the module that is imported when it is used.

    The help of all commands must not cost the import of all of them, so nothing else stands here. The
    module is a `CommandModule`.
    """

    name: str
    help: str
    module: str


class Program(NamedTuple):
    """The program around the engine: its defaults for settings, and its application's settings."""

    defaults: Mapping[str, Any] = {}
    app_settings: Mapping[str, str] = {}  # name → help text


class CommandModule(Protocol):
    """The module of a command. It may also have EXAMPLES, a text with one call a line, without the
    name of the program, which `--help` shows, and OWN_EXIT_CODES = True if its description says what its
    exit codes mean."""

    DESCRIPTION: str

    def options(self, parser: "argparse.ArgumentParser", program: Program, /) -> None:
        """Adds the options of the command."""

    def run(self, options: "argparse.Namespace", program: Program, /) -> int:
        """Does the work; returns the exit code."""
