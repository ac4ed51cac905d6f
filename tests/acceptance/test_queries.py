"""No query ends a view for others: not one that is malformed, that ends its process, or that never ends."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from engine import (
    Aggregate,
    Client,
    Command,
    Commit,
    Engine,
    Event,
    Node,
    Projection,
    Table,
    applies,
    handles,
    on,
    query,
)
from tests.acceptance.kit import ringfold
from tests.deadline import until

CORPUS = sorted((Path(__file__).parents[1] / "corpora" / "queries").glob("*.frame"))
PATIENCE_MS = 20_000


class Count(Command, name="queries.count"): ...


class Counted(Event, name="queries.counted"): ...


app = Engine("queries")


@app.aggregate
class Counter(Aggregate):
    @handles(Count, exists="may")
    def count(self, command: Count) -> Counted:
        return Counted()

    @applies(Counted)
    def _counted(self, event: Counted) -> None: ...


@app.projection("numbers", version=1)
class Numbers(Projection):
    @on(Counted)
    def counted(self, event: Counted, commit: Commit, view: Table[int]) -> None:
        if commit.aggregate == "long":
            view["票" * 180] = 1  # no view can keep such a key
        view[commit.aggregate] = (view.get(commit.aggregate) or 0) + 1

    @query
    def number(self, view: Table[int], name: str) -> int:
        return view.get(name) or 0

    @query
    def leaves(self, view: Table[int], code: int) -> int:
        if code:
            os._exit(code)
        return code

    @query
    def hangs(self, view: Table[int]) -> int:
        threading.Event().wait()
        return 0


class Desk:
    """The socket of the view, and its process."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(json.loads((node.data / "endpoints.json").read_text())["queries"]["numbers"])

    def ask(self, query: str, **args: Any) -> Any:
        """A query's answer; None if the view ended instead of answering."""
        before = self.restarts
        self.socket.send(json.dumps({"query": query, "args": args}).encode())
        until(lambda: self.socket.poll(10) or self.restarts > before, PATIENCE_MS / 1000, query)
        return json.loads(self.socket.recv()) if self.socket.poll(0) else None

    @property
    def restarts(self) -> int:
        assert self.node.page is not None
        return self.node.page.slot("projector-numbers").restarts

    def is_well(self) -> bool:
        return self.ask("number", name="a") is not None


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("queries")
    settings = {"checkpoint_ms": 50, "hang_seconds": 2.0}
    with Node(folder / "data", app=f"{__name__}:app", settings=settings, log=folder / "log") as node:
        yield node


@pytest.fixture
def desk(node: Node) -> Iterator[Desk]:
    desk = Desk(node)
    yield desk
    desk.socket.close()


def test_hostile_frames_are_refused_and_the_view_goes_on(desk: Desk) -> None:
    before = desk.restarts
    assert len(CORPUS) >= 30
    for path in CORPUS:
        desk.socket.send(path.read_bytes())
        assert desk.socket.poll(PATIENCE_MS), f"no answer to {path.name}"
        told = json.loads(desk.socket.recv())
        assert told["error"] == "malformed", (path.name, told)
    for frames in ([b"", b""], [b""] * 20, [b"a"] * 3, [b"\xff" * 300, b"{}"], [bytes(1 << 17)]):
        desk.socket.send_multipart(frames)
    again = Desk(desk.node)  # the last frame broke the connection
    assert again.ask("number", name="a")["answer"] == 0
    again.socket.close()
    assert desk.restarts == before


def test_a_key_that_no_view_can_keep_sets_its_aggregate_aside(node: Node, desk: Desk) -> None:
    with Client(node.endpoints) as client:
        assert client.send(Count("long"), wait="projected:numbers").ok
        assert client.send(Count("short"), wait="projected:numbers").ok
        assert client.query("numbers", "number", {"name": "short"}) == 1
    (letter,) = desk.ask("dead-letters")["answer"]
    assert letter["aggregate"] == "long"


@pytest.mark.parametrize(
    ("query", "args"), [("leaves", {"code": 3}), pytest.param("hangs", {}, marks=pytest.mark.smoke)]
)
def test_a_query_that_ends_its_process_or_never_ends_is_refused_alone(
    node: Node, desk: Desk, query: str, args: dict[str, int]
) -> None:
    before = desk.restarts
    for _ in range(2):
        assert desk.ask(query, **args) is None
        until(desk.is_well, PATIENCE_MS / 1000, "the view is back")
    refused = desk.ask(query, **args)
    assert refused["error"] == "poisoned"
    assert query in refused["message"]
    assert desk.restarts == before + 2
    if query == "leaves":
        assert desk.ask("leaves", code=0)["answer"] == 0, "with other arguments it is run"
    with Client(node.endpoints) as client:
        assert client.send(Count("a"), wait="projected:numbers").ok
    listed = ringfold("follower", "list", "--data", str(node.data)).stdout
    assert f"died of the queries: {query}" in listed
    told = ringfold("follower", "restart", "--data", str(node.data), "numbers")
    assert "answers again what it refused to run" in told.stdout, told.stderr
