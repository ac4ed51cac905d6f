"""The log of a running node: each line is one of the format's, whatever the application prints."""

import json
import re
from pathlib import Path

import pytest

from engine import Client, Node
from tests.acceptance.printing import Note, Shout

CODE = re.compile(r"\S+Z (info|warning|error) \S+ [a-z]+\.[a-z-]+ .*")
APP = "tests.acceptance.printing:app"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_application_that_prints_breaks_neither_the_ready_line_nor_the_log(
    tmp_path: Path, log_format: str
) -> None:
    log = tmp_path / "log"
    with Node(tmp_path / "data", app=APP, settings={"log_format": log_format}, log=log) as node:
        with Client(node) as client:
            assert client.send(Note("a\nb", text="x")).ok
            assert client.send(Shout("c\nd", text="x")).code == "handler-bug"
            client.until("printing", "count", predicate=lambda count: count == 1)
        assert node.endpoints.app == "printing"
        assert node.stop() == 0
    lines = log.read_text().splitlines()
    if log_format == "json":
        told = [json.loads(line) for line in lines]
        codes = [one["code"] for one in told]
        (bug,) = [one for one in told if one["code"] == "core.handler-bug"]
        assert bug["facts"]["aggregate"] == "c\nd"
        assert "ValueError: too\nloud" in bug["trace"]
    else:
        assert [line for line in lines if not CODE.fullmatch(line) and not line.startswith("    ")] == []
        codes = [line.split()[3] for line in lines if not line.startswith("    ")]
    assert {"node.ready", "node.stopping", "app.output", "core.handler-bug"} <= set(codes)
    assert codes.count("node.ready") == 1
