"""A restore from an older copy: no follower goes on with a log that is not the one it knew."""

import shutil
from pathlib import Path

import pytest

from engine import (
    Aggregate,
    Client,
    Command,
    Commit,
    ConfigError,
    Engine,
    Event,
    EventLog,
    Node,
    ProcessManager,
    Projection,
    Send,
    Subscriber,
    Table,
    applies,
    handles,
    on,
    query,
)
from tests.acceptance.kit import ringfold
from tests.deadline import until

LONG_S = 60.0
TRUTH = ("journal", "store-0000", "snapshots")


class Count(Command, name="restore.count"): ...


class Note(Command, name="restore.note"): ...


class Counted(Event, name="restore.counted"): ...


class Noted(Event, name="restore.noted"): ...


app = Engine("restore")


@app.aggregate
class Counter(Aggregate):
    @handles(Count, exists="may")
    def count(self, command: Count) -> Counted:
        return Counted()

    @handles(Note, exists="may")
    def note(self, command: Note) -> Noted:
        return Noted()

    @applies(Counted)
    def _counted(self, event: Counted) -> None: ...

    @applies(Noted)
    def _noted(self, event: Noted) -> None: ...


@app.projection("numbers", version=1)
class Numbers(Projection):
    @on(Counted)
    def counted(self, event: Counted, commit: Commit, view: Table[int]) -> None:
        view[commit.aggregate] = (view.get(commit.aggregate) or 0) + 1

    @query
    def all(self, view: Table[int]) -> dict[str, int]:
        return dict(view.rows(limit=1_000))


@app.process_manager("noting")
class Noting(ProcessManager):
    @on(Counted)
    def counted(self, event: Counted, commit: Commit, send: Send) -> None:
        send(Note(f"note-{commit.aggregate}"))


def counted_in(data: Path) -> dict[str, int]:
    """The fold of the log."""
    found: dict[str, int] = {}
    with EventLog(data) as log:
        for stored in log.read(types=["restore.counted"]):
            found[stored.commit.aggregate] = found.get(stored.commit.aggregate, 0) + 1
    return found


def node_on(data: Path, log: Path) -> Node:
    return Node(data, app=f"{__name__}:app", settings={"checkpoint_ms": 50}, log=log)


def run(data: Path, log: Path, *names: str) -> None:
    """Has a node count these, and waits until all has followed."""
    with node_on(data, log) as node, Client(node.endpoints) as client:
        for name in names:
            assert client.send(Count(name), wait="projected:numbers").ok
        until(lambda: noted(data) >= sum(counted_in(data).values()), LONG_S, "the notes are there")


def noted(data: Path) -> int:
    with EventLog(data) as log:
        return sum(1 for _ in log.read(types=["restore.noted"]))


@pytest.mark.parametrize(
    "longer", [False, pytest.param(True, marks=pytest.mark.smoke)], ids=["shorter", "longer"]
)
def test_after_a_restore_views_are_built_again_and_others_stop_until_an_operator_accepts(
    tmp_path: Path, longer: bool
) -> None:
    data, copy, log = tmp_path / "data", tmp_path / "copy", tmp_path / "log"
    run(data, log, "a", "b")
    copy.mkdir()
    for name in TRUTH:
        if (data / name).exists():
            shutil.copytree(data / name, copy / name)
    run(data, log, "b", "c")
    with Subscriber(data, "mailer", [Counted]) as subscriber:
        assert len(subscriber.take(5.0)) == 4
        subscriber.ack()

    for name in TRUTH:
        if (data / name).exists():
            shutil.rmtree(data / name)
            shutil.copytree(copy / name, data / name)
    names = ["x"] * (9 if longer else 1)
    with node_on(data, log) as node, Client(node.endpoints) as client:
        for name in names:
            assert client.send(Count(name), wait="projected:numbers").ok
        assert client.query("numbers", "all") == counted_in(data) == {"a": 1, "b": 1, "x": len(names)}
        page = node.page
        assert page is not None
        until(lambda: page.snapshot()["manager-noting"]["state"] == "failed", LONG_S, "it has stopped")
        listed = ringfold("follower", "list", "--data", str(data)).stdout
        assert "the log is not the one that this process manager knew" in listed
        accepted = ringfold("follower", "accept", "--data", str(data), "noting")
        assert accepted.returncode == 0, accepted.stderr
        assert accepted.stdout.count("skipped: partition 0") == len(names), accepted.stdout
        until(lambda: page.snapshot()["manager-noting"]["state"] == "running", LONG_S, "it goes on")
        before = noted(data)
        assert client.send(Count("y")).ok
        until(lambda: noted(data) == before + 1, LONG_S, "new events have their effects")
    assert "view.other-log" in log.read_text()
    if longer:
        with pytest.raises(ConfigError, match="not the one that this subscriber knew"):
            Subscriber(data, "mailer", [Counted])
    accepted = ringfold("follower", "accept", "--data", str(data), "mailer")
    assert "mailer goes on after position" in accepted.stdout, accepted.stderr
    with Subscriber(data, "mailer", [Counted]) as subscriber:
        assert subscriber.take(0.1) == []
