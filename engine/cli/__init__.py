"""The command line, one file a command.

Reading order: command (what a command is), commands (the table of them), parser (from what was typed to one
of them), arguments (one line for what is wrong), options and asking (what several share). After
these come the commands, each imported only when it is used.

`main` is the whole of it. A program that brings an application with it passes its defaults, its settings
and its own commands; `ringfold` is the same without any.
"""

from engine.cli.command import Command, Program
from engine.cli.parser import main

__all__ = ["Command", "Program", "main"]
