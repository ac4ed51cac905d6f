"""`new`: makes a small application to begin with."""

import argparse
import re
from importlib.resources import files
from string import Template

from engine.base.called import called
from engine.base.errors import ConfigError, Exit
from engine.base.place import expanded
from engine.cli.command import Program
from engine.cli.printing import Printer, add_json_option

DESCRIPTION = """Makes a folder with a small application: an aggregate, a view, tests, and what runs them. It
passes ruff, mypy --strict and pytest as it is. `ringfold dev` in the folder runs it."""
EXAMPLES = """
new shop
new ~/work/shop
"""
FILES = ("app.py", "messages.py", "test_app.py", "pyproject.toml", "README.md", "Dockerfile")
NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
SUFFIX = ".txt"  # of a template, which is not a program itself


def options(parser: argparse.ArgumentParser, _program: Program) -> None:
    """The options of this command."""
    parser.add_argument("folder", metavar="NAME", help="of the application, and of the folder that is made")
    add_json_option(parser)


def run(options: argparse.Namespace, _program: Program) -> int:
    """Makes it."""
    folder = expanded(options.folder)
    name = folder.name.replace("_", "-").lower()
    if not NAME.fullmatch(name):
        hint = "letters, digits and hyphens, beginning with a letter"
        raise ConfigError("this cannot be the name of an application", name=folder.name, hint=hint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            hint = "name a folder that is not there yet"
            raise ConfigError("this folder has something in it", path=folder, hint=hint)
        for file, text in rendered(name).items():
            (folder / file).write_text(text)
    except OSError as error:
        raise ConfigError("the folder cannot be made", path=folder, error=error.strerror) from None
    told = [f"made {folder}: {', '.join(FILES)}", f"  cd {folder} && {called()} dev"]
    with Printer(options) as printer:
        printer.answer({"folder": str(folder), "name": name, "files": list(FILES)}, "\n".join(told))
    return Exit.OK


def rendered(name: str) -> dict[str, str]:
    """The text of each file of an application of that name."""
    templates = files("engine.cli") / "templates"
    return {
        file: Template((templates / f"{file}{SUFFIX}").read_text("utf-8")).substitute(name=name)
        for file in FILES
    }
