"""Every command can speak JSON, in one schema: version, data, diagnostics."""

import argparse
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain_12306.command_line import DEMO
from engine import Client, Node
from engine.cli import Program, main
from engine.cli.commands import OWN
from engine.cli.parser import parser_of
from examples.notes.messages import CreateNote

ID = "019ab0f3a1c07d2e8f4455a1b2c3d4e5"
APP = "--app=examples.notes:app"
STREAMS = {"audit", "events read", "journal dump", "store verify", "snapshot verify"}
"""They print as they go, a line for each."""


class Diagnostic(msgspec.Struct, forbid_unknown_fields=True):
    """A remark, as docs/COMMAND_LINE.md has it."""

    level: str
    code: str
    text: str
    hint: str
    facts: dict[str, str | int | float | bool | None]


class Printed(msgspec.Struct, forbid_unknown_fields=True):
    """What any command prints."""

    version: int
    data: Any
    diagnostics: list[Diagnostic]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("json")
    with Node(folder / "data", app="examples.notes:app", log=folder / "log") as node:
        with Client(node.endpoints) as client:
            for number in range(3):
                command = CreateNote(f"note-{number}", title="x")
                if number == 0:
                    command = msgspec.structs.replace(command, id=ID)
                assert client.send(command, wait="projected:notes").ok
        yield node


def leaves(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """A command, or each of its own commands."""
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not below:
        yield name, parser
    for action in below:
        for word, place in action.choices.items():
            yield from leaves(place, f"{name} {word}")


def every_command() -> dict[str, argparse.ArgumentParser]:
    found: dict[str, argparse.ArgumentParser] = {}
    for command in (*OWN, DEMO):
        parser = parser_of(command, importlib.import_module(command.module), Program())
        found |= dict(leaves(parser, command.name))
    return found


def printed(text: str) -> list[Printed]:
    return [msgspec.json.decode(line, type=Printed) for line in text.splitlines()]


TYPED: dict[str, list[str]] = {
    "status": [],
    "top": ["--every=0.1"],
    "health": ["--disk-warning=1", "--disk-critical=1"],
    "doctor": [],
    "query": ["notes", "note", "note=note-1"],
    "view list": [],
    "view rebuild": ["notes"],
    "follower list": [],
    "dead-letter list": [],
    "dead-letter retry": ["notes"],
    "trace": [ID],
    "events read": [],
    "events tail": ["--limit", "2"],
    "aggregate show": ["note-1", APP],
    "describe": [APP],
    "journal dump": [],
    "journal verify": [],
    "store verify": [],
    "snapshot take": [APP],
    "snapshot list": [],
    "snapshot verify": [APP],
    "clock": [],
    "check": [APP],
    "replay-check": [APP],
    "config": [APP],
    "cheat": ["events"],
    "tokens new": ["alice", "--role=operator"],
    "tokens list": [],
    "tokens revoke": ["alice"],
    "audit": [],
}
"""What is typed after each command whose answer is looked at here."""
ELSEWHERE = {
    "completion": "test_completion.py",
    "cluster init": "needs NATS servers; tests/acceptance/clusters.py",
    "cluster status": "the same",
    "cluster verify": "the same",
    "cluster repair": "the same",
    "new": "test_making_an_application_says_what_was_made",
    "dev": "test_new_and_dev.py",
    "serve": "test_serving_speaks_it_too",
    "demo": "runs for long; test_demo.py",
    "dead-letter drop": "test_an_error_is_one_too",
    "follower restart": "test_an_error_is_one_too",
    "follower accept": "test_restore.py",
    "restore": "test_restore.py",
    "process-manager show": "test_managers.py",
    "events export": "test_an_export_says_where_it_is",
}


def test_every_command_has_the_option() -> None:
    parsers = every_command()
    without = [name for name, parser in parsers.items() if "--json" not in parser._option_string_actions]
    assert without == []
    assert set(parsers) == TYPED.keys() | ELSEWHERE.keys(), "each is in one of the tables of this test"


@pytest.mark.parametrize("name", TYPED)
def test_what_it_prints_has_the_schema(node: Node, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    place = [] if name in ("describe", "cheat") else [f"--data={node.data}"]
    code = main([*name.split(), *TYPED[name], *place, "--json"])
    said, complained = capfd.readouterr()
    assert (code, complained) == (0, "")
    lines = printed(said)
    assert {line.version for line in lines} == {1}
    if name not in STREAMS | {"events tail"}:
        assert len(lines) == 1
        assert lines[0].data is not None


def test_a_stream_is_a_line_for_each(node: Node, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["events", "read", f"--data={node.data}"]) == 0
    bare = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert main(["events", "read", f"--data={node.data}", "--json"]) == 0
    lines = printed(capfd.readouterr().out)
    assert [line.data for line in lines] == bare
    assert len(lines) == 3


def test_a_remark_is_in_it_and_not_on_standard_error(node: Node, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "verify", f"--data={node.data}", "--json"]) == 0
    said, complained = capfd.readouterr()
    (line,) = printed(said)
    (remark,) = line.diagnostics
    assert (remark.level, remark.code, complained) == ("warning", "running", "")


def test_an_export_says_where_it_is(node: Node, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["events", "export", str(tmp_path / "all"), f"--data={node.data}", "--json"]) == 0
    (line,) = printed(capfd.readouterr().out)
    assert (line.data["file"], line.data["entries"]) == (str(tmp_path / "all"), 3)


@pytest.mark.parametrize(
    ("arguments", "code", "text", "exit_code"),
    [
        (["status", "--data=/nowhere-at-all"], "config", "there is no data directory", 2),
        (["follower", "restart", "notes"], "temporary", "it was not given up", 75),
        (["dead-letter", "drop", "notes", "x"], "config", "not-set-aside: nothing of x is set aside", 2),
        (["dance"], "config", "there is no such command", 2),
        (["status", "--dta=x"], "config", "unrecognized arguments: --dta=x", 2),
    ],
)
def test_an_error_is_one_too(
    node: Node,
    arguments: list[str],
    code: str,
    text: str,
    exit_code: int,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RINGFOLD_DATA", str(node.data))
    assert main([*arguments, "--json"]) == exit_code
    said, complained = capfd.readouterr()
    (line,) = printed(complained)
    (error,) = line.diagnostics
    assert (said, line.data, error.level) == ("", None, "error")
    assert (error.code, error.text) == (code, text)
    assert error.hint or error.facts


def test_serving_speaks_it_too(node: Node) -> None:
    """`Node` reads the ready line of `serve --json`, and has what it says."""
    assert node.endpoints.app == "notes"


def test_making_an_application_says_what_was_made(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["new", str(tmp_path / "shop"), "--json"]) == 0
    (line,) = printed(capfd.readouterr().out)
    assert line.data["name"] == "shop"
