"""A log that cannot be written ends nothing."""

from pathlib import Path

import pytest

from engine import Client, Node
from engine.base.log_line import log_line
from tests.unit.engine.core.test_partition import Deposit


def test_a_line_goes_to_standard_error_whatever_is_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    log_line("a line with \ud800 half a character")
    assert capfd.readouterr().err == "a line with \\ud800 half a character\n"


def test_a_node_works_though_its_log_is_on_a_full_disk(tmp_path: Path) -> None:
    app = "tests.unit.engine.base.test_log_line:create"
    with Node(tmp_path / "data", app=app, log="/dev/full") as node, Client(node.endpoints) as client:
        assert client.send(Deposit("a", amount=5)).ok
        assert node.stop() == 0


def create(settings: object) -> object:
    from tests.unit.engine.core.test_partition import app

    return app
