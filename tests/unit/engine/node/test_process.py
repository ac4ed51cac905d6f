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
from engine.node.status import StatusPage


def test_a_process_whose_supervisor_died_while_it_was_starting_leaves(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
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
        pid=gone.pid,
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
    started = subprocess.run(
        [sys.executable, "-m", "engine.processes.core", "--run", str(tmp_path), "--name", "core-0"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])},
        timeout=20,
    )
    assert started.returncode in (-signal.SIGKILL, Exit.TEMPORARY), "by the kernel, or by its own look"
