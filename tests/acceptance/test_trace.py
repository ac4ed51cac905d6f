"""`trace` on what a node has left."""

from pathlib import Path

from engine import Node
from engine.base.identity import uuid7_hex
from tests.acceptance.kit import one_line, ringfold


def post(tmp_path: Path) -> Node:
    settings = {"checkpoint_ms": 50, "partitions": 2}
    app = "tests.unit.engine.managers.relay:create"
    return Node(tmp_path / "data", app=app, settings=settings, log=tmp_path / "log")


def test_what_is_no_command_or_unknown_is_one_line(tmp_path: Path) -> None:
    with post(tmp_path):
        pass
    unknown = ringfold("trace", uuid7_hex(), f"--data={tmp_path / 'data'}")
    assert unknown.returncode == 2
    assert "nothing is known of this command" in one_line(unknown.stderr)
    assert "32 lower-case hex digits" in one_line(ringfold("trace", "parcel-1", f"--data={tmp_path}").stderr)
