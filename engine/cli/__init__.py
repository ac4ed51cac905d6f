"""The command line, one file a command: serve, status, query, journal, config.

`main` is the whole of it. A program that brings an application with it passes its defaults, its settings
and its own commands; `python -m engine` is the same without any.
"""

from engine.cli.options import add_config_options, settings_from
from engine.cli.parser import Command, Program, main

__all__ = ["Command", "Program", "add_config_options", "main", "settings_from"]
