import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.errors import Fault
from engine.node.child import Process, how_it_ended
from engine.node.policy import Liveness
from engine.node.roles import INPUT
from engine.node.status import State, StatusPage

WAITS = "import signal; signal.pause()"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[StatusPage]:
    with StatusPage.create(tmp_path / "status", ["input"]) as page:
        yield page


def process(page: StatusPage, *arguments: str) -> Process:
    return Process(INPUT, [*arguments], page.slot("input"), Liveness(10, 10))


def test_its_pid_is_known_from_the_moment_it_is_started(page: StatusPage) -> None:
    child = process(page, sys.executable, "-c", WAITS)
    page.slot("input").state = State.RUNNING
    child.start(())
    try:
        assert child.popen is not None
        assert page.slot("input").pid == child.popen.pid
        assert page.slot("input").state == State.STARTING
        assert os.getpgid(child.popen.pid) == child.popen.pid, "Ctrl-C at a terminal does not reach it"
    finally:
        child.signal(signal.SIGKILL)
        assert child.popen is not None
        assert child.popen.wait() == -signal.SIGKILL
    child.signal(signal.SIGTERM)  # it has ended: nothing to do


def test_a_program_that_is_not_there_is_a_fault(page: StatusPage, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="cannot be started"):
        process(page, str(tmp_path / "absent")).start(())


def test_an_end_is_told_in_words() -> None:
    assert how_it_ended(3) == "ended with exit code 3"
    assert how_it_ended(-9) == "was killed by SIGKILL"
