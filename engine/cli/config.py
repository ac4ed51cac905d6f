"""`config`: each setting, its value and where it came from."""

import argparse

from engine.cli.command import Program
from engine.cli.options import add_config_options, settings_from
from engine.cli.printing import Printer, add_json_option
from engine.node.config import show

DESCRIPTION = """Prints every setting, its value and where the value came from, and starts nothing. It takes
the same flags, environment and files as `serve`, and accepts what `serve` accepts."""
EXAMPLES = """
config
config --config node.toml --partitions 4 --json
"""


def options(parser: argparse.ArgumentParser, program: Program) -> None:
    """The options of this command."""
    add_config_options(parser, program)
    add_json_option(parser)


def run(options: argparse.Namespace, program: Program) -> int:
    """Prints the table."""
    values = settings_from(options, program).values
    texts = [(value.name, show(value.name, value.value) or '""', value.source) for value in values]
    widths = [max(len(row[column]) for row in texts) for column in range(2)]
    table = "\n".join(f"{name:<{widths[0]}}  {text:<{widths[1]}}  {source}" for name, text, source in texts)
    with Printer(options) as printer:
        printer.answer({one.name: {"value": one.value, "source": one.source} for one in values}, table)
    return 0
