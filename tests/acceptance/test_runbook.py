"""The runbook's commands, typed at a node that has a view on a poison event and one that was given up."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Client, Node
from engine.base.errors import Exit
from engine.node.status import State
from examples.stock import Take
from tests.acceptance.kit import clean_environment, one_line
from tests.deadline import until
from tests.unit.test_runbook import PAGES, sessions
from tests.unit.test_tutorial import pattern

ROOT = Path(__file__).parents[2]
APP = "tests.acceptance.incidents:app"
PATIENCE_S = 60.0
RUNNING = [
    pytest.param(command, printed, id=f"{page.stem}: {command}")
    for page in PAGES
    for kind, session in sessions(page)
    if kind == "running"
    for command, printed in session
]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("runbook")
    with Node(folder / "data", app=APP, log=folder / "log") as node:
        with Client(node) as client:
            assert client.send(Take("apples", count=1)).ok
            assert client.send(Take("pears", count=1)).ok
        page = node.page
        assert page is not None
        until(lambda: page.slot("projector-sums").state == State.FAILED, PATIENCE_S, "it is given up")
        until(lambda: page.slot("projector-labels").dead_letters == 1, PATIENCE_S, "it is set aside")
        yield node


def typed(node: Node, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A call of `ringfold` by an operator whose environment names the node."""
    return subprocess.run(
        [sys.executable, "-m", "engine", *arguments],
        cwd=ROOT,
        env=clean_environment() | {"RINGFOLD_DATA": str(node.data), "RINGFOLD_APP": APP},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


@pytest.mark.parametrize(("command", "printed"), RUNNING)
def test_a_command_of_the_runbook_prints_what_its_page_shows(node: Node, command: str, printed: str) -> None:
    program, *arguments = command.split()
    assert program == "ringfold"
    done = typed(node, *arguments)
    assert pattern(printed).fullmatch(done.stdout), f"{command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("command", ["view list", "dead-letter list"])
def test_a_view_that_was_given_up_is_a_remark_among_those_that_answer(node: Node, command: str) -> None:
    done = typed(node, *command.split())
    assert done.stdout
    assert done.returncode == Exit.TEMPORARY
    assert one_line(done.stderr).startswith("ringfold: failed: projector-sums ended with exit code 3")


def test_what_ends_a_view_names_its_page_in_the_log(node: Node) -> None:
    assert node.log is not None
    (line,) = [line for line in node.log.read_text().splitlines() if " follower.failed " in line]
    assert line.endswith("; docs/runbook/process-down.md")
