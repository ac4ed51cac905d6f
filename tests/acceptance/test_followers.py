"""A follower's death is its own: commands go on without it, now and after a restart."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine import (
    Aggregate,
    Client,
    Command,
    Commit,
    Engine,
    Event,
    Node,
    ProcessManager,
    Projection,
    Table,
    applies,
    handles,
    on,
    query,
)
from engine.client.queries import QueryRefused
from tests.acceptance.kit import ringfold
from tests.deadline import until

MENDED = "RINGFOLD_TEST_FOLLOWERS_MENDED"  # names a file; while it is not there, handlers end their processes
LONG_S = 60.0


class Count(Command, name="followers.count"): ...


class Counted(Event, name="followers.counted"): ...


app = Engine("followers")


@app.aggregate
class Counter(Aggregate):
    @handles(Count, exists="may")
    def count(self, command: Count) -> Counted:
        return Counted()

    @applies(Counted)
    def _counted(self, event: Counted) -> None: ...


class Numbers(Projection):
    @on(Counted)
    def counted(self, event: Counted, commit: Commit, view: Table[int]) -> None:
        view[commit.aggregate] = (view.get(commit.aggregate) or 0) + 1

    @query
    def number(self, view: Table[int], name: str) -> int:
        return view.get(name) or 0


@app.projection("good", version=1)
class Good(Numbers): ...


def leave(code: int) -> None:
    if not Path(os.environ[MENDED]).exists():
        os._exit(code)


@app.projection("leaves", version=1)
class Leaves(Numbers):
    @on(Counted)
    def counted(self, event: Counted, commit: Commit, view: Table[int]) -> None:
        leave(1)
        view[commit.aggregate] = (view.get(commit.aggregate) or 0) + 1


@app.projection("unsaved", version=1)
class Unsaved(Projection):
    """It keeps its own memory, and cannot save it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @on(Counted)
    def counted(self, event: Counted) -> None:
        self.count += 1

    @query
    def number(self, name: str) -> int:
        return self.count

    def save(self) -> Iterable[tuple[bytes, bytes | None]]:
        if self.count:
            raise SystemExit(4)
        return []

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None: ...


@app.process_manager("departs")
class Departs(ProcessManager):
    @on(Counted)
    def counted(self, event: Counted) -> None:
        leave(3)


FAILED = ("projector-leaves", "projector-unsaved", "manager-departs")


def states(node: Node) -> dict[str, str]:
    assert node.page is not None
    return {name: str(values["state"]) for name, values in node.page.snapshot().items()}


def all_failed(node: Node) -> bool:
    found = states(node)
    return all(found[name] == "failed" for name in FAILED) and found["projector-good"] == "running"


@pytest.mark.smoke  # ten starts take their time
def test_followers_that_cannot_be_kept_running_are_given_up_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended, data, log = tmp_path / "mended", tmp_path / "data", tmp_path / "log"
    monkeypatch.setenv(MENDED, str(mended))
    first = Node(data, app=f"{__name__}:app", settings={"checkpoint_ms": 50}, log=log)
    with first as node, Client(node.endpoints) as client:
        receipt = client.send(Count("a"))
        assert receipt.ok
        until(lambda: all_failed(node), LONG_S, "the three are given up")
        receipt = client.send(Count("a"), wait="projected:good")
        assert receipt.version == 2, "commands go on, and so do other views"
        assert client.query("good", "number", {"name": "a"}) == 2
        with pytest.raises(QueryRefused, match=r"failed.*exit code 1"):
            client.query("leaves", "number", {"name": "a"}, at_least=receipt)
        told = client.send(Count("a"), wait="projected:leaves")
        assert told.outcome == "committed", "what is committed stays so, though the view is not there"
        status = ringfold("status", "--data", str(data))
        assert status.returncode == 75
        assert "projector-leaves: failed since " in status.stdout
        listed = ringfold("follower", "list", "--data", str(data)).stdout
        assert "departs  process-manager  failed" in listed
        assert "good  view  running" in listed
    text = log.read_text()
    assert text.count("follower.failed") == 3

    then = Node(data, app=f"{__name__}:app", settings={"checkpoint_ms": 50}, log=log)
    with then as node, Client(node.endpoints) as client:
        assert all_failed(node), "the next start does without them at once"
        assert client.send(Count("a"), wait="projected:good").version == 4
        mended.touch()
        again = ringfold("follower", "restart", "--data", str(data), "leaves")
        assert "view leaves is tried again" in again.stdout, again.stderr
        until(lambda: states(node)["projector-leaves"] == "running", LONG_S, "the view is back")
        assert client.send(Count("a"), wait="projected:leaves").version == 5
        assert client.query("leaves", "number", {"name": "a"}) == 5
        refused = ringfold("follower", "restart", "--data", str(data), "good")
        assert "it was not given up" in refused.stderr
