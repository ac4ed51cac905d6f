"""What every process of a node does, whatever its stage."""

import json
import os
import subprocess
import sys
from pathlib import Path

from engine.base.errors import Exit
from engine.node.status import StatusPage


def test_a_process_whose_supervisor_died_while_it_was_starting_leaves(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    StatusPage.create(tmp_path / "status", ["input", "core-0"]).close()
    node = {
        "data": str(tmp_path / "data"),
        "status": str(tmp_path / "status"),
        "partitions": 1,
        "config": {"map_bytes": 0},
        "pid": gone.pid,
    }
    (tmp_path / "node.json").write_text(json.dumps(node))
    started = subprocess.run(
        [sys.executable, "-m", "engine.processes.core", "--run", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])},
        timeout=20,
    )
    assert started.returncode == Exit.TEMPORARY
