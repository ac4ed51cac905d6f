"""`config`: each setting, its value and where it came from."""

import argparse
import json

from engine.cli.command import Program
from engine.cli.options import add_config_options, settings_from
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
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def run(options: argparse.Namespace, program: Program) -> int:
    """Prints the table."""
    values = settings_from(options, program).values
    if options.json:
        print(json.dumps({v.name: {"value": v.value, "source": v.source} for v in values}))
        return 0
    texts = [(value.name, show(value.name, value.value) or '""', value.source) for value in values]
    widths = [max(len(row[column]) for row in texts) for column in range(2)]
    for name, text, source in texts:
        print(f"{name:<{widths[0]}}  {text:<{widths[1]}}  {source}")
    return 0
