"""What every process of a node does, whatever its stage."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from engine.base.errors import Exit
from engine.node.config import Config
from engine.node.description import NodeDescription, write_description
from engine.node.endpoints import Endpoints
from engine.node.meters import MeterPage
from engine.node.roles import roles_of
from engine.node.status import State, StatusPage
from tests.deadline import until


def described(tmp_path: Path, supervisor: int) -> list[str]:
    """The run directory of a node with this supervisor, and what its core is told on the command line."""
    StatusPage.create(tmp_path / "status", ["input", "core-0"]).close()
    endpoints = Endpoints(
        commands="",
        queries={},
        process_managers={},
        reads="",
        events=[],
        max_message_bytes=1,
        max_commands_per_message=1,
        max_in_flight_per_client=1,
        status=str(tmp_path / "status"),
        data=str(tmp_path / "data"),
        app="",
        partitions=1,
        pid=supervisor,
    )
    roles = roles_of(1, [], [], snapshots=False)
    MeterPage.create(tmp_path / "meters", roles)
    description = NodeDescription(
        run=str(tmp_path),
        endpoints=endpoints,
        config=Config(),
        app="",
        app_settings={},
        roles=roles,
        bells={},
    )
    write_description(tmp_path / "node.json", description)
    return [f"--run={tmp_path}", "--name=core-0"]


ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}


def test_a_process_whose_supervisor_died_while_it_was_starting_leaves(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    arguments = described(tmp_path, gone.pid)
    started = subprocess.run(
        [sys.executable, "-m", "engine.processes.core", *arguments], env=ENV, timeout=20
    )
    assert started.returncode in (-signal.SIGKILL, Exit.TEMPORARY), "by the kernel, or by its own look"


SLEEPER = """
from engine.node.process import NodeProcess
from engine.node.status import State

process = NodeProcess()
process.slot.state = State.RUNNING
process.sleep(3600)
raise SystemExit(0 if process.stopping else 1)
"""


def test_a_process_that_is_told_to_stop_does_not_sleep_on(tmp_path: Path) -> None:
    arguments = described(tmp_path, os.getpid())
    with StatusPage.attach(str(tmp_path / "status")) as page:
        sleeper = subprocess.Popen([sys.executable, "-c", SLEEPER, *arguments], env=ENV)
        until(lambda: page.slot("core-0").state == State.RUNNING, 20)
        sleeper.terminate()
        assert sleeper.wait(20) == 0
