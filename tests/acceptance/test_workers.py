"""Workers on a running node: killed, failing, hanging, new, and inline."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import Client, EventLog, Node, QueryRefused
from engine.testing import HandlerKeepsFailing, InlineEngine
from tests.acceptance.errands import Ask, create
from tests.acceptance.kit import SMALL, ringfold
from tests.deadline import until

APP = "tests.acceptance.errands:create"
BEFORE = "tests.acceptance.errands:without_worker"
RENAMED = "tests.acceptance.errands:renamed"


@contextmanager
def errands(tmp_path: Path, app: str = APP, **settings: object) -> Iterator[tuple[Node, Client]]:
    (tmp_path / "outside").mkdir(exist_ok=True)
    all_settings = SMALL | {"outside": tmp_path / "outside"} | settings
    with (
        Node(tmp_path / "data", app=app, settings=all_settings, log=tmp_path / "log") as node,
        Client(node.endpoints) as client,
    ):
        yield node, client


def done(tmp_path: Path) -> dict[str, set[str]]:
    """Errand → the ids of the deliveries for which it was done outside."""
    found: dict[str, set[str]] = {}
    path = tmp_path / "outside" / "done"
    for line in path.read_text().splitlines() if path.exists() else ():
        errand, id = line.split()
        found.setdefault(errand, set()).add(id)
    return found


def finished(tmp_path: Path) -> Counter[str]:
    """Errand → how often it was finished, by the log."""
    with EventLog(tmp_path / "data") as log:
        entries = (entry for entry in log.read() if entry.commit.events[0]["type"] == "errand.finished")
        return Counter(entry.commit.aggregate for entry in entries)


@pytest.mark.smoke
def test_however_often_a_worker_is_killed_every_event_is_handled_and_what_it_tells_has_one_effect(
    tmp_path: Path,
) -> None:
    names = [f"errand-{k}" for k in range(300)]
    with errands(tmp_path, partitions=2) as (node, client):
        for first in range(0, 300, 100):
            for receipt in client.send_many(Ask(name) for name in names[first : first + 100]):
                assert receipt.ok
            before = node.pids["worker-runner"]
            os.kill(before, signal.SIGKILL)
            until(lambda: node.pids["worker-runner"] not in (0, before) and node.at_work(), 20)  # noqa: B023
        until(lambda: len(finished(tmp_path)) == len(names), 30, "every errand is finished")
        outside = done(tmp_path)
        assert outside.keys() == set(names)
        assert {len(ids) for ids in outside.values()} == {1}, "a delivery has one id, however often it comes"
        assert set(finished(tmp_path).values()) == {1}


def test_a_handler_that_fails_is_tried_again_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    for name in ("a", "forbidden"):
        (tmp_path / "outside" / name).touch()
    with errands(tmp_path) as (node, client):
        assert client.send(Ask("a", text="fail")).ok
        assert client.send(Ask("forbidden", text="forbidden")).ok
        assert client.send_many([Ask(f"b-{k}") for k in range(20)])[-1].ok
        until(lambda: "handler failed" in (tmp_path / "log").read_text(), 20)
        assert node.page is not None
        slot = node.page.slot("worker-runner")
        until(lambda: slot.dead_letters == 1, 20, "a lane fails")
        refused = tmp_path / "outside" / "refused"
        until(lambda: refused.exists() and refused.read_text() == "forbidden not-asked-for\n", 20)
        (tmp_path / "outside" / "a").unlink()
        until(lambda: len(finished(tmp_path)) == 21, 20, "all but the forbidden one are finished")
        shown = ringfold("status", f"--data={node.data}").stdout
        assert "worker-runner" in shown
        until(lambda: node.page.slot("worker-runner").dead_letters == 0, 20)  # type: ignore[union-attr]
        assert client.query("runner", "rounds_gone") >= 0
        rounds = client.query("runner", "rounds_gone")
        until(lambda: client.query("runner", "rounds_gone") > rounds, 20, "rounds go on")
        with pytest.raises(QueryRefused, match="malformed"):
            client.query("runner", "rounds_gone", {"since": 1})
        asked = ringfold("query", "runner", "rounds_gone", f"--data={node.data}")
        assert int(asked.stdout) > 0, asked.stderr


@pytest.mark.smoke
def test_a_handler_that_does_not_end_has_its_worker_started_again(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "h").touch()
    with errands(tmp_path, hang_seconds=1) as (_, client):
        assert client.send(Ask("h", text="hang")).ok
        until(lambda: finished(tmp_path) == {"h": 1}, 30)
    assert "worker-runner hangs and is killed" in (tmp_path / "log").read_text()


def test_a_worker_that_cannot_work_is_given_up_alone_and_tried_again_when_an_operator_says_so(
    tmp_path: Path,
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "broken").touch()
    with errands(tmp_path) as (node, client):
        assert client.send(Ask("a")).ok
        listed = ringfold("follower", "list", f"--data={node.data}").stdout
        assert "runner  worker  failed" in listed
        assert "the world is closed" in listed
        with pytest.raises(QueryRefused, match="world is closed"):
            client.query("runner", "rounds_gone")
        (tmp_path / "outside" / "broken").unlink()
        assert ringfold("follower", "restart", "runner", f"--data={node.data}").returncode == 0
        until(lambda: finished(tmp_path) == {"a": 1}, 20, "nothing was lost meanwhile")


@pytest.mark.parametrize(
    "store", ["there", pytest.param("made again from the journal", marks=pytest.mark.smoke)]
)
def test_to_a_new_worker_what_is_stored_is_history(tmp_path: Path, store: str) -> None:
    with errands(tmp_path, BEFORE) as (_, client):
        assert client.send(Ask("old")).ok
    if store != "there":
        (tmp_path / "data" / "store-0000").rename(tmp_path / "aside")
    with errands(tmp_path) as (_, client):
        assert client.send(Ask("new")).ok
        until(lambda: finished(tmp_path) == {"new": 1}, 20)
        assert done(tmp_path).keys() == {"new"}
    assert "info supervisor worker.born-late" in (tmp_path / "log").read_text()


def test_a_worker_that_the_application_no_longer_has_is_named_and_finds_what_waited_when_it_is_back(
    tmp_path: Path,
) -> None:
    with errands(tmp_path) as (_, client):
        assert client.send(Ask("before")).ok
        until(lambda: finished(tmp_path) == {"before": 1}, 20)
    assert "worker.left-behind" not in (tmp_path / "log").read_text()
    with errands(tmp_path, BEFORE) as (_, client):
        assert client.send(Ask("meanwhile")).ok
    assert "warning supervisor worker.left-behind" in (tmp_path / "log").read_text()
    with errands(tmp_path):
        until(lambda: finished(tmp_path) == {"before": 1, "meanwhile": 1}, 20)
    with errands(tmp_path, BEFORE) as (_, client):
        assert client.send(Ask("again")).ok
    folder = (tmp_path / "data" / "workers" / "runner").rename(tmp_path / "data" / "workers" / "porter")
    (folder / "runner.json").rename(folder / "porter.json")
    with errands(tmp_path, RENAMED):
        until(lambda: finished(tmp_path) == {"before": 1, "meanwhile": 1, "again": 1}, 20)


def test_inline_the_same_happens_where_it_settles(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").touch()
    app = create({"outside": str(tmp_path / "outside")})
    with InlineEngine(app, tmp_path / "data") as engine:
        engine.send(Ask("a", text="fail"))
        with pytest.raises(HandlerKeepsFailing, match="ValueError: nobody is at home"):
            engine.settle()
        (tmp_path / "outside" / "a").unlink()
        engine.time_passes(minutes=1)
        assert engine.query("runner", "rounds_gone") >= 1
        engine.restart(kill=True)
        engine.settle()
        assert finished(tmp_path) == {"a": 1}
