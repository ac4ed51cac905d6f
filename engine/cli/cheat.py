"""`cheat`: examples by topic."""

import argparse
from collections.abc import Iterator

from engine.base.called import called
from engine.base.errors import ConfigError, Exit
from engine.cli.cheats import CHEATS, Cheat
from engine.cli.command import Program
from engine.cli.printing import Printer, add_json_option

DESCRIPTION = """Prints about ten examples of a topic, which can be typed as they are in the folder of an
application that `new` made. Without a topic, lists the topics."""
EXAMPLES = """
cheat
cheat events
"""


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help=", ".join(CHEATS))
    add_json_option(parser)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Prints it."""
    with Printer(options) as printer:
        if options.topic is None:
            width = max(map(len, CHEATS))
            text = "\n".join(f"  {topic:<{width}}  {cheat.about}" for topic, cheat in CHEATS.items())
            printer.answer({topic: cheat.about for topic, cheat in CHEATS.items()}, text)
            return Exit.OK
        cheat = CHEATS.get(options.topic)
        if cheat is None:
            raise ConfigError("there is no such topic", topic=options.topic, known=", ".join(CHEATS))
        data = {"about": cheat.about, "examples": [example._asdict() for example in cheat.examples]}
        printer.answer(data, "\n".join(lines(cheat)))
    return Exit.OK


def lines(cheat: Cheat) -> Iterator[str]:
    """Its examples; the why stands before one that is long."""
    yield f"# {cheat.about}"
    typed = [example.typed.replace("ringfold", called(), 1) for example in cheat.examples]
    width = max(len(text) for text in typed if len(text) < 60)
    for text, example in zip(typed, cheat.examples, strict=True):
        if len(text) > width:
            yield f"# {example.why}:"
            yield text
        else:
            yield f"{text:<{width}}   # {example.why}"
