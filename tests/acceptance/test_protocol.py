"""A running node as a client in another language meets it: the protocol's page, ZeroMQ and JSON."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from engine.base.crash import VARIABLE
from engine.supervisor.node import Node
from tests.acceptance.kit import SMALL, ringfold
from tests.acceptance.stranger import Bare, Stranger, command
from tests.deadline import until


def notes(tmp_path: Path, **settings: object) -> Node:
    return Node(tmp_path / "data", app="examples.notes:app", settings=SMALL | settings, log=tmp_path / "log")


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
        rows = json.loads(ringfold("status", "--data", str(node.data), "--json").stdout)["data"]["processes"]
        assert rows["reader"]["state"] == "running"
        pid = node.pids["reader"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: node.at_work() and node.pids["reader"] != pid, what="another reader")
        assert [entry["aggregate"] for entry in stranger.log()] == ["note-1"]
        assert node.stop() == 0


@pytest.mark.smoke
def test_the_doorbell_beats_once_a_second_while_nothing_happens(tmp_path: Path) -> None:
    with notes(tmp_path) as node, Stranger(node.data) as stranger:
        doorbell = stranger.listen()
        assert doorbell.notice() == (1, 0, b"")
        began = time.monotonic()
        assert [doorbell.notice() for _ in range(2)] == [(1, 0, b"")] * 2
        assert 1.5 < time.monotonic() - began < 4.0
        position = stranger.send("note.create", "note-1", title="Groceries")["position"]
        assert position == 1
        first, last, record = doorbell.notice()
        assert (first, last, json.loads(record)[0]) == (1, 1, 1)
        assert doorbell.notice() == (2, 1, b"")


def test_what_was_stored_and_not_rung_is_heard_of_within_two_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    death = tmp_path / "died"
    monkeypatch.setenv(VARIABLE, f"output.stored:2:{death}")
    with notes(tmp_path) as node, Stranger(node.data) as stranger:
        doorbell = stranger.listen()
        assert doorbell.notice() == (1, 0, b"")
        stranger.send("note.create", "note-1", title="Groceries")
        pid = node.pids["output-0"]
        stranger.send("note.create", "note-2", title="Ideas")
        assert death.exists()
        until(lambda: node.at_work() and node.pids["output-0"] != pid, what="another output process")
        began, last = time.monotonic(), 0
        while last < 2:
            _, last, _ = doorbell.notice()
        assert time.monotonic() - began < 2.0


def test_a_routing_id_has_at_most_255_bytes(tmp_path: Path) -> None:
    with notes(tmp_path) as node, Stranger(node.data) as stranger:
        longest, longer = (Bare(stranger.endpoints["commands"], b"r" * length) for length in (255, 70_000))
        longer.send(command("note.create", "note-1", title="Dropped"))
        longest.send(command("note.create", "note-2", title="Kept"))
        (answer,) = json.loads(longest.frame())
        assert answer["outcome"] == "committed"
        assert stranger.send("note.create", "note-3", title="Ideas")["outcome"] == "committed"
        assert [entry["aggregate"] for entry in stranger.log()] == ["note-2", "note-3"]
        longest.close()
        longer.close()
