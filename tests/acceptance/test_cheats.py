"""The examples of the cheat sheets, and of the help of each command, are right: they are typed here."""

import importlib
import os
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Node
from engine.cli import Command, Program, main
from engine.cli.cheats import CHEATS, Example
from engine.cli.commands import OWN
from engine.cli.parser import parser_of
from tests.acceptance.kit import ROOT, clean_environment, one_line

ID = "019ab0f3a1c07d2e8f4455a1b2c3d4e5"
STAY = {"new", "dev", "serve", "restore"}
"""They stay, or make something: their arguments are read here, and other tests run them."""
ADDRESS = "http://127.0.0.1:7380"
EVERY = [(topic, example) for topic, cheat in CHEATS.items() for example in cheat.examples]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """(the folder of a new application that runs, where it is reached by HTTP)."""
    pytest.importorskip("starlette")
    folder = tmp_path_factory.mktemp("cheats") / "shop"
    assert main(["new", str(folder)]) == 0
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = f"{folder}{os.pathsep}{before}"
    try:
        node = Node(
            folder / ".ringfold" / "data", app="app:app", settings={"http": "127.0.0.1:0"}, log=folder / "log"
        )
        with node:
            for number in (1, 2, 3):
                id = f', "id": "{ID}"' if number == 1 else ""
                body = f'{{"aggregate": "box-{number}", "pieces": 3{id}}}'.encode()
                request = urllib.request.Request(
                    f"{node.endpoints.http}/api/commands/box.put", body, {"Content-Type": "application/json"}
                )
                urllib.request.urlopen(request, timeout=30).close()
            yield folder, node.endpoints.http
    finally:
        os.environ["PYTHONPATH"] = before


@pytest.mark.parametrize("topic", CHEATS)
def test_a_topic_has_about_ten_examples(topic: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert len(CHEATS[topic].examples) == 10
    assert main(["cheat", topic]) == 0
    printed = capfd.readouterr().out
    assert all(example.why in printed for example in CHEATS[topic].examples)


def test_every_command_is_in_one_of_them() -> None:
    typed = {word for _, example in EVERY for word in shlex.split(example.typed)}
    assert {command.name for command in OWN} - typed == {"process-manager", "cheat", "cluster"}


def typed_words(example: Example) -> list[str]:
    """What follows the name of the program, if it is a command of ours."""
    words = shlex.split(example.typed)
    return words[words.index("ringfold") + 1 :] if "ringfold" in words else []


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("topic", "example"), EVERY, ids=lambda value: getattr(value, "typed", str(value)).replace("/", "_")
)
def test_an_example_can_be_typed_as_it_is(shop: tuple[Path, str], topic: str, example: Example) -> None:
    folder, http = shop
    words = typed_words(example)
    if words and words[0] in STAY:
        parse(words)
        return
    if example.typed.startswith("curl") and not shutil.which("curl"):
        pytest.skip("there is no curl here")
    ours = f"{shlex.quote(sys.executable)} -m engine "
    text = example.typed.replace("ringfold ", ours, 1).replace("curl ", "curl --fail-with-body -sS ", 1)
    shown = subprocess.run(
        ["bash", "-c", text.replace(ADDRESS, http)],
        cwd=folder,
        env=clean_environment() | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout or example.typed.split()[1:3] == ["events", "export"]


def parse(words: list[str]) -> None:
    """Reads the arguments of a command of ours. SystemExit where they ask for help, as they may."""
    command = next(one for one in OWN if one.name == words[0])
    parser = parser_of(command, importlib.import_module(command.module), Program())
    if "--help" not in words:
        parser.parse(words[1:])


@pytest.mark.parametrize("command", OWN, ids=lambda command: command.name)
def test_the_examples_of_its_help_can_be_read(command: Command) -> None:
    name, module = command.name, importlib.import_module(command.module)
    for line in getattr(module, "EXAMPLES", "").strip().splitlines():
        words = shlex.split(line.partition(" > ")[0])
        assert words[0] == name
        parse(words)


def test_a_topic_that_is_not_there_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["cheat", "nothing"]) == 2
    assert "there is no such topic" in one_line(capfd.readouterr().err)
