"""The table of commands: help costs no imports, and applications join it."""

import argparse
import importlib
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from engine import __version__
from engine.cli import Command, Program
from engine.cli.commands import OWN, all_commands, command_named
from engine.cli.parser import parser_of
from engine.node.config import Config

ROOT = Path(__file__).parents[4]
HEAVY = {"asyncio", "lmdb", "msgspec", "multiprocessing", "numpy", "orjson", "psutil", "zmq"}
WHAT_IS_LOADED = """
import sys
from engine.cli import main
code = main(sys.argv[1:])
print(*sys.modules)
sys.exit(code)
"""


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a process has imported after one command."""
    shown = subprocess.run(
        [sys.executable, "-c", WHAT_IS_LOADED, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return set(shown.stdout.splitlines()[-1].split())


def install(folder: Path, points: str) -> None:
    """Makes a folder on the path look like an installed distribution with these entry points."""
    info = folder / "shop-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[ringfold.commands]\n{points}\n")


def typed(*arguments: str, path: Path) -> "subprocess.CompletedProcess[str]":
    """`python -m engine …` where more is installed."""
    return subprocess.run(
        [sys.executable, "-m", "engine", *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{path}"},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ()])
def test_help_imports_nothing_that_takes_long(arguments: tuple[str, ...]) -> None:
    assert loaded_by(*arguments) & HEAVY == set()


def test_only_the_command_that_is_used_is_imported() -> None:
    modules = loaded_by("status", "--data", "/nowhere")
    assert {command.module for command in OWN} & modules == {"engine.cli.status"}
    assert modules & HEAVY == {"msgspec"}, "what a node says of itself is read into structs"


@pytest.mark.parametrize("command", OWN, ids=lambda command: command.name)
def test_every_command_of_the_table_has_its_module(command: Command) -> None:
    module = importlib.import_module(command.module)
    parser = parser_of(command, module, Program())
    assert isinstance(parser, argparse.ArgumentParser)
    assert module.DESCRIPTION.split()[:3] == parser.format_help().split("\n\n")[1].split()[:3]
    assert callable(module.run)


def test_names_are_found_once() -> None:
    names = [command.name for command in OWN]
    assert len(set(names)) == len(names)
    mine = Command("status", "mine", "nowhere")
    assert command_named("status", [mine]) is OWN[names.index("status")], "what the engine has stays its own"
    other = Command("other", "mine", "nowhere")
    assert command_named("other", [other]) is other


def test_a_wrong_name_gets_the_one_that_was_meant() -> None:
    shown = typed("statsu", path=ROOT)
    assert shown.returncode == 2
    assert shown.stderr == (
        "ringfold: there is no such command (command=statsu); did you mean status? "
        "`python -m engine --help` lists all commands\n"
    )


def test_the_version_is_that_of_the_package() -> None:
    assert typed("--version", path=ROOT).stdout == f"ringfold {__version__}\n"


def test_an_installed_application_brings_its_commands(tmp_path: Path) -> None:
    install(tmp_path, "sell = shop:SELL")
    (tmp_path / "shop.py").write_text(
        "from engine.cli import Command\nSELL = Command('sell', 'sell one', 'selling')\n"
    )
    (tmp_path / "selling.py").write_text(
        "DESCRIPTION = 'Sells.'\n"
        "EXAMPLES = 'sell apple'\n"
        "def options(parser, program):\n    parser.add_argument('what')\n"
        "def run(options, program):\n    print('sold', options.what)\n    return 7\n"
    )
    assert re.search(r"^  sell +sell one$", typed("--help", path=tmp_path).stdout, re.MULTILINE)
    sold = typed("sell", "pear", path=tmp_path)
    assert (sold.returncode, sold.stdout) == (7, "sold pear\n")
    assert "examples:\n  python -m engine sell apple\n" in typed("sell", "--help", path=tmp_path).stdout


def test_a_command_that_cannot_be_loaded_does_not_take_help_with_it(tmp_path: Path) -> None:
    install(tmp_path, "sell = no_such_shop:SELL")
    shown = typed("--help", path=tmp_path)
    assert shown.returncode == 0
    assert re.search(r"^  sell +\(this command cannot be loaded\)$", shown.stdout, re.MULTILINE)
    refused = typed("sell", path=tmp_path)
    assert refused.returncode == 2
    says = "this command cannot be loaded (command=sell, error=No module named 'no_such_shop')"
    assert says in refused.stderr


def test_an_entry_point_is_a_command_of_its_own_name(tmp_path: Path) -> None:
    install(tmp_path, "sell = json:dumps")
    refused = typed("sell", path=tmp_path)
    assert refused.returncode == 2
    assert "not a Command of its name" in refused.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "notes", "--data", "here", "note", "--timeout", "2", "note=1", "limit=3"),
        ("query", "--timeout", "2", "--data", "here", "notes", "note", "note=1", "limit=3"),
    ],
)
def test_options_may_stand_anywhere(arguments: tuple[str, ...]) -> None:
    command = command_named("query")
    assert command is not None
    parser = parser_of(command, importlib.import_module(command.module), Program())
    options = parser.parse(arguments[1:])
    assert (options.view, options.query, options.args) == ("notes", "note", ["note=1", "limit=3"])
    assert (options.data, options.timeout) == ("here", 2.0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("events",), "the following arguments are required: read|tail|export"),
        (("events", "write"), "invalid choice: 'write'"),
        (("status", "--jsn"), "unrecognized arguments: --jsn"),
        (("query", "a", "b", "--timeout", "soon"), "argument --timeout: invalid float value: 'soon'"),
    ],
)
def test_a_wrong_argument_is_one_line_which_names_the_help(arguments: tuple[str, ...], says: str) -> None:
    refused = typed(*arguments, path=ROOT)
    assert refused.returncode == 2
    assert refused.stdout == ""
    (line,) = refused.stderr.splitlines()
    assert line.startswith("ringfold: ")
    assert says in line
    assert line.endswith(f"; `python -m engine {arguments[0]} --help` shows what there is")


def test_options_before_the_command_are_told_where_they_stand() -> None:
    refused = typed("--data", "here", "status", path=ROOT)
    assert refused.returncode == 2
    assert "options stand after the command: python -m engine COMMAND --data ..." in refused.stderr


def test_tables_in_a_description_stay_as_they_are() -> None:
    shown = typed("status", "--help", path=ROOT).stdout
    assert "\n  sequence      the last command that it handled\n" in shown
    assert shown.index("examples:") < shown.index("exit codes:")


def test_only_what_runs_a_node_shows_every_setting() -> None:
    whole, short = (typed(name, "--help", path=ROOT).stdout for name in ("serve", "check"))
    assert "--ring-bytes SIZE" in whole
    assert whole.startswith("usage: python -m engine serve [options]\n")
    assert "--ring-bytes" not in short
    flags = ("--app MODULE:NAME", "--data DIR", "--config FILE", "--set NAME=VALUE")
    assert all(flag in short for flag in flags)


@pytest.mark.parametrize("command", [one for one in all_commands() if one.module], ids=lambda one: one.name)
def test_every_command_has_examples(command: Command) -> None:
    assert importlib.import_module(command.module).EXAMPLES.strip()


def test_help_names_what_a_setting_takes_and_a_number_only_where_it_is_one() -> None:
    shown = typed("serve", "--help", path=ROOT).stdout
    numbers = {field.name for field in msgspec.structs.fields(Config) if "int" in str(field.type)}
    taken = {name.replace("-", "_") for name in re.findall(r"--([a-z-]+) N\b", shown)}
    assert "partitions" in taken
    assert taken <= numbers


def test_a_command_with_exit_codes_of_its_own_shows_no_others() -> None:
    shown = typed("health", "--help", path=ROOT).stdout
    assert "2  critical" in shown
    assert "exit codes:" not in shown
