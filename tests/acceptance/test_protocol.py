"""A running node as a client in another language meets it: the protocol's page, ZeroMQ and JSON."""

import json
import os
import signal
from pathlib import Path

from engine.supervisor.node import Node
from tests.acceptance.kit import SMALL, ringfold
from tests.acceptance.stranger import Stranger
from tests.deadline import until


def notes(tmp_path: Path, **settings: object) -> Node:
    return Node(
        tmp_path / "data", app="examples.notes:create", settings=SMALL | settings, log=tmp_path / "log"
    )


def test_a_client_reads_the_log_page_by_page(tmp_path: Path) -> None:
    with notes(tmp_path, partitions=2) as node, Stranger(node.data) as stranger:
        sent = [stranger.send("note.create", f"note-{n}", title=f"Title {n}") for n in range(12)]
        again = stranger.send("note.change-title", "note-3", title="Changed")
        for answer in (*sent, again):  # whatever was committed is there to be read
            told = stranger.read("positions", at_least=[answer["partition"], answer["position"]])
            assert told["positions"][answer["partition"]] >= answer["position"]
        entries = stranger.log(limit=5)
        assert sorted(entry["command"] for entry in entries) == sorted(
            id for answer in (*sent, again) for id in answer.get("ids", [answer.get("id")])
        )
        assert [entry["sequence"] for entry in entries] == sorted(entry["sequence"] for entry in entries)
        (changed,) = stranger.log(types=["note.title-changed"], limit=5)
        assert changed["events"] == [{"type": "note.title-changed", "title": "Changed"}]
        (created, same) = stranger.log(aggregate="note-3", limit=1)
        assert (created["version"], same) == (1, changed)
        page = stranger.read("aggregate", aggregate="note-3")["answer"]
        assert (page["entries"], page["after_version"], page["more"]) == ([created, changed], 2, False)
        assert stranger.read("evnets")["error"] == "unknown-query"


def test_a_reader_that_was_killed_comes_back(tmp_path: Path) -> None:
    with notes(tmp_path) as node, Stranger(node.data) as stranger:
        stranger.send("note.create", "note-1", title="Groceries")
        rows = json.loads(ringfold("status", "--data", str(node.data), "--json").stdout)["processes"]
        assert rows["reader"]["state"] == "running"
        pid = node.pids["reader"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: node.at_work() and node.pids["reader"] != pid, what="another reader")
        assert [entry["aggregate"] for entry in stranger.log()] == ["note-1"]
        assert node.stop() == 0
