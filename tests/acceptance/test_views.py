"""Views of a running node: built again, renewed, and what they cannot take in; from outside."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import Client, Command, Node
from tests.acceptance.following import APP, Put
from tests.acceptance.kit import SMALL, one_line, ringfold
from tests.deadline import until


class Boxes:
    """A node, the files that its views look at, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.node = self._node(newest=1)

    def with_versions(self, newest: int) -> Node:
        """It, not started yet, with so many versions of the view."""
        self.node = self._node(newest)
        return self.node

    def run(self, *words: str) -> str:
        """A command of the command line that succeeds; what it prints."""
        done = ringfold(*words, env={"RINGFOLD_DATA": str(self.data)})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def versions(self) -> dict[str, Any]:
        """What `view list` tells."""
        found: list[dict[str, Any]] = json.loads(self.run("view", "list", "--json"))["data"]
        return found[0]

    def letters(self) -> list[dict[str, Any]]:
        """What `dead-letter list` tells."""
        found: list[dict[str, Any]] = json.loads(self.run("dead-letter", "list", "--json"))["data"]
        return found

    def file(self, name: str) -> Path:
        """One of the files."""
        return self.folder / name

    def _node(self, newest: int) -> Node:
        settings = SMALL | {"files": self.folder, "newest": newest}
        return Node(self.data, app=APP, settings=settings, log=self.folder / "log")


@pytest.fixture
def boxes(tmp_path: Path) -> Iterator[Boxes]:
    boxes = Boxes(tmp_path)
    yield boxes
    for name in ("halt-1", "halt-2"):
        boxes.file(name).unlink(missing_ok=True)
    boxes.node.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boxes]:
    """A running node for tests that use boxes of their own."""
    boxes = Boxes(tmp_path_factory.mktemp("boxes"))
    with boxes.node:
        yield boxes


def shown(client: Client, at_least: tuple[int, int] | None = None) -> Any:
    return client.query("boxes", "all", at_least=at_least)


def test_a_view_is_built_again_on_a_running_node_and_answers_all_the_time(boxes: Boxes) -> None:
    with boxes.node, Client(boxes.data) as client:
        at = [client.send(Put(f"box-{n % 5}", pieces=n)) for n in range(50)][-1].at
        before = shown(client, at)
        assert "is served from boxes-v1.2" in boxes.run("view", "rebuild", "boxes")
        assert shown(client) == before
        assert boxes.versions()["served"]["folder"] == "boxes-v1.2"
        assert {path.name for path in (boxes.data / "views").iterdir()} == {"boxes.json", "boxes-v1.2"}
        at = client.send(Put("box-0", pieces=1)).at
        assert shown(client, at)["box-0"] == before["box-0"] + 1
        assert boxes.node.stop() == 0
    with boxes.node, Client(boxes.data) as client:
        assert shown(client)["box-0"] == before["box-0"] + 1


def test_a_new_version_is_built_beside_the_old_one_which_answers_until_it_takes_over(boxes: Boxes) -> None:
    with boxes.node, Client(boxes.data) as client:
        client.send(Put("a", pieces=3), wait="projected:boxes")
        assert boxes.node.stop() == 0
    boxes.file("halt-2").touch()
    with boxes.with_versions(newest=2), Client(boxes.data) as client:
        until(boxes.file("halted").exists)
        at = client.send(Put("a", pieces=4)).at
        assert shown(client, at) == {"a": 7}
        found = boxes.versions()
        assert (found["served"]["version"], found["building"]["version"]) == (1, 2)
        assert found["registered"] == [1, 2]
        boxes.file("halt-2").unlink()
        until(lambda: shown(client) == {"a": 14})
        assert until(lambda: boxes.versions()["building"] is None)
        assert shown(client, client.send(Put("a", pieces=1)).at) == {"a": 16}
        boxes.node.stop()
    with boxes.with_versions(newest=1), Client(boxes.data) as client:
        assert shown(client) == {"a": 8}, "one may go back"


@pytest.mark.slow
def test_a_killed_builder_is_started_again_and_a_killed_projector_begins_where_it_was(boxes: Boxes) -> None:
    with boxes.node, Client(boxes.data) as client:
        client.send(Put("a", pieces=3), wait="projected:boxes")
        boxes.node.stop()
    boxes.file("halt-2").touch()
    with boxes.with_versions(newest=2), Client(boxes.data) as client:

        def builder() -> int:
            return int(until(lambda: boxes.file("halted").exists() and boxes.file("halted").read_text()))

        first = builder()
        boxes.file("halted").unlink()
        os.kill(first, signal.SIGKILL)
        second = builder()
        boxes.file("halted").unlink()
        projector = boxes.node.pids["projector-boxes"]
        os.kill(projector, signal.SIGKILL)
        until(lambda: boxes.node.pids["projector-boxes"] != projector and boxes.node.at_work())
        assert shown(client) == {"a": 3}
        boxes.file("halt-2").unlink()
        until(lambda: shown(client) == {"a": 6})
        assert len({first, second, projector}) == 3


@pytest.mark.slow
def test_a_new_version_that_is_built_but_cannot_be_served_leaves_the_old_one_in_place(boxes: Boxes) -> None:
    with boxes.node, Client(boxes.data) as client:
        client.send(Put("a", pieces=3), wait="projected:boxes")
        boxes.node.stop()
    boxes.file("halt-2").touch()
    with boxes.with_versions(newest=2), Client(boxes.data) as client:
        until(boxes.file("halted").exists)
        boxes.file("break-2").touch()
        boxes.file("halt-2").unlink()
        until(lambda: boxes.versions()["building"]["state"] == "failed")
        assert shown(client, client.send(Put("a", pieces=1)).at) == {"a": 4}
        boxes.file("break-2").unlink()
        boxes.run("view", "rebuild", "boxes")
        assert shown(client, client.send(Put("a", pieces=1)).at) == {"a": 10}


def test_a_dead_letter_is_listed_and_retried(shared: Boxes) -> None:
    boxes = shared
    boxes.file("fail-1").write_text("b")
    with Client(boxes.data) as client:
        for name in ("a", "b", "b", "a"):
            at = client.send(Put(name, pieces=2)).at
        assert shown(client, at)["a"] == 4
        letter = until(lambda: [one for one in boxes.letters() if one["dead"]])[0]
        assert letter["view"] == "boxes"
        assert (letter["aggregate"], letter["version"], letter["waiting"]) == ("b", 1, 1)
        assert "the shelf for b is full in pieces_put, following.py" in boxes.run("dead-letter", "list")
        row = json.loads(boxes.run("status", "--json"))["data"]["processes"]["projector-boxes"]
        assert (row["dead_letters"], row["lag"], row["lag_s"]) == (1, 0, 0.0)
        health = ringfold("health", f"--data={boxes.data}")
        assert health.returncode == 1
        assert "view boxes has set 1 aside" in health.stdout
        assert re.search(r"boxes: 1 × \w+ in .*\(b\), dead", boxes.run("doctor"))
        failed = ringfold("dead-letter", "retry", "boxes", "b", "--data", str(boxes.data))
        assert (failed.returncode, len(boxes.letters())) == (75, 1)
        boxes.file("fail-1").unlink()
        assert "nothing" in boxes.run("dead-letter", "retry", "boxes")
        assert (shown(client)["a"], shown(client)["b"]) == (4, 4)
        boxes.file("fail-1").write_text("c")
        client.send(Put("c", pieces=5), wait="projected:boxes")
        boxes.file("fail-1").unlink()
        until(lambda: not boxes.letters())  # it is tried again by itself
        assert shown(client)["c"] == 5


def test_a_dropped_commit_is_passed_over_and_built_in_again(shared: Boxes) -> None:
    shared.file("fail-1").write_text("dropped")
    with Client(shared.data) as client:
        for pieces in (2, 3):
            client.send(Put("dropped", pieces=pieces), wait="projected:boxes")
        until(lambda: [one for one in shared.letters() if one["dead"]])
        shared.file("fail-1").unlink()
        shared.run("dead-letter", "drop", "boxes", "dropped")
        assert shown(client)["dropped"] == 3
        shared.run("view", "rebuild", "boxes")
        assert shown(client)["dropped"] == 5


def test_what_cannot_be_done_is_one_line(shared: Boxes) -> None:
    for words in (
        ("view", "rebuild", "crates"),
        ("dead-letter", "list", "crates"),
        ("dead-letter", "drop", "boxes", "nobody"),
    ):
        done = ringfold(*words, "--data", str(shared.data))
        assert done.returncode == 2
        one_line(done.stderr)


CHANGING = """
from engine import Aggregate, Command, Commit, Engine, Event, Projection, Table, applies, handles, on, query

class Count(Command, name="count"): ...
class Counted(Event, name="counted"): ...

class Counter(Aggregate):
    @handles(Count, exists="may")
    def count(self, command: Count) -> Counted:
        return Counted()

    @applies(Counted)
    def _counted(self, event: Counted) -> None: ...

class Counts(Projection, name="counts"):
    @on(Counted)
    def counted(self, event: Counted, commit: Commit, view: Table[int]) -> None:
        view[commit.aggregate] = view.get(commit.aggregate, 0) + STEP

    @query
    def count(self, view: Table[int], id: str) -> int:
        return view.get(id, 0)

STEP = 1
app = Engine("changing", aggregates=[Counter], projections=[Counts])
"""


def test_a_view_whose_code_has_changed_without_a_new_version_is_named_until_it_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    data, log = tmp_path / "data", tmp_path / "log"

    class Count(Command, name="count"): ...

    def run(*words: str) -> str:
        return ringfold(*words, env={"RINGFOLD_DATA": str(data)}).stdout

    for source, is_named in ((CHANGING, False), (CHANGING.replace("STEP = 1", "STEP = 2"), True)):
        (tmp_path / "changing.py").write_text(source)
        with Node(data, app="changing:app", settings=SMALL, log=log), Client(data) as client:
            client.send(Count("a"), wait="projected:counts")
            assert ("partly made by other code" in run("view", "list")) is is_named
            assert ("projector-counts: partly made by other code" in run("status")) is is_named
            assert ("view.other-code" in log.read_text()) is is_named
            if is_named:
                run("view", "rebuild", "counts")
                assert "other code" not in run("status")
                assert client.query("counts", "count", {"id": "a"}) == 4, "not the mixture, which is 3"
