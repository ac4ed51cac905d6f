"""Snapshots and pruning on a running node: seen from outside, they change nothing but time and space."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain_12306.workload.synthetic import run_name
from engine import Client, Node
from engine.base.identity import partition_of
from engine.node.data_directory import DataDirectory
from tests.acceptance.kit import APP, SEATS, SEGMENTS, left, one_line, open_run, railway, reserve, ringfold
from tests.deadline import until

# Segments so small that some hundred commands fill one.
SMALLEST = {"segment_bytes": "64KiB", "max_message_bytes": "16KiB", "ring_bytes": "1MiB"}
RUNS = 20
BACK_S = 20.0


def snapshotting(data: Path, **settings: object) -> Node:
    return railway(data, **({**SMALLEST, "snapshot_events": 200} | settings))


def segments(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.journal"))


class Story:
    """Sells the runs out, leg by leg; each order's answer must be the same when asked again."""

    def __init__(self) -> None:
        self.told = 0
        self.versions: dict[str, int] = {}
        self.commands: list[Any] = []

    def open(self, client: Client) -> None:
        for receipt in client.send_many([open_run(k) for k in range(RUNS)]):
            assert receipt.outcome == "committed", receipt

    def go_on(self, client: Client, orders: int) -> None:
        for _ in range(0, orders, 50):
            some = []
            for _ in range(50):
                k = self.told
                self.told += 1
                first = k // RUNS % SEGMENTS
                some.append(reserve(k % RUNS, f"o{k}", first, first + 1))
            for command, receipt in zip(some, client.send_many(some), strict=True):
                assert receipt.outcome == "committed", receipt
                self.versions[command.id] = receipt.version
            self.commands = some

    def holds(self, client: Client) -> None:
        """Sent again, the last orders are answered as the first time; the view agrees with what was sold."""
        for receipt in client.send_many(self.commands):
            assert receipt.version == self.versions[receipt.id]
        sold = -(-self.told // RUNS // SEGMENTS)
        at_least = (receipt.partition, receipt.position)
        assert left(client, 0, at_least) == SEATS - sold


def taken(data: Path, partitions: int = 1) -> int:
    return sum(len(DataDirectory(data).snapshot_folder(p).snapshots()) for p in range(partitions))


@pytest.mark.smoke
def test_a_node_restarts_from_its_snapshot_with_a_pruned_journal(tmp_path: Path) -> None:
    data, archive = tmp_path / "data", tmp_path / "archive"
    story = Story()
    node = snapshotting(data, journal_archive=archive)
    with node, Client(node.endpoints) as client:
        story.open(client)
        for round in range(4):
            story.go_on(client, 400)
            assert node.page is not None
            slot = node.page.slot("snapshotter")
            until(lambda: slot.snapshots_taken > round, what="a snapshot")  # noqa: B023
        until(lambda: archive.exists() and segments(archive), what="segments in the archive")
        story.holds(client)
    whole = segments(archive) + segments(data / "journal")
    assert whole == sorted(whole)
    assert whole[0] == f"{1:020d}.journal"
    told = json.loads(ringfold("journal", "verify", "--data", str(data), "--json").stdout)["data"]
    assert told["sound"]
    assert told["removed"] > 0
    node = snapshotting(data, journal_archive=archive)
    with node, Client(node.endpoints) as client:
        story.holds(client)
        story.go_on(client, 50)
    newest = DataDirectory(data).snapshot_folder(0).snapshots()[0]  # which depends on how fast it went
    spoilt = newest.path
    spoilt.write_bytes(spoilt.read_bytes()[:-9])
    with node, Client(node.endpoints) as client:
        story.holds(client)
    assert node.log is not None
    assert "a snapshot is not used: chunk 0 at" in node.log.read_text()
    assert f"path={spoilt}" in node.log.read_text()


@contextlib.contextmanager
def dying(point: str, note: Path) -> Iterator[None]:
    """The first process that comes by the point dies there, once."""
    os.environ["ENGINE_CRASH_AT"] = f"{point}:{note}"
    try:
        yield
    finally:
        del os.environ["ENGINE_CRASH_AT"]


@pytest.mark.smoke
@pytest.mark.parametrize(
    "point",
    [
        "snapshot.durable:2",
        pytest.param("prune.noted:1", marks=pytest.mark.slow),
        *(pytest.param(at, marks=pytest.mark.slow) for at in ("snapshot.begun:1", "snapshot.kept:2")),
        pytest.param("prune.removed:1", marks=pytest.mark.slow),
    ],
)
def test_a_death_in_the_middle_is_made_good_while_the_node_sells(tmp_path: Path, point: str) -> None:
    data, note = tmp_path / "data", tmp_path / "died"
    story = Story()
    with dying(point, note):
        node = snapshotting(data).start()
    try:
        with Client(node.endpoints) as client:
            story.open(client)
            for round in range(3):
                story.go_on(client, 300)
                until(lambda: taken(data) > min(round, 1), BACK_S, "a snapshot")  # noqa: B023
            until(note.exists, BACK_S, "the death")
            until(node.at_work, BACK_S, "all at work again")
            story.go_on(client, 300)
            story.holds(client)
            until(lambda: segments(data / "journal")[0] > f"{1:020d}", BACK_S, "the journal is pruned")
        os.kill(node.pids["core-0"], signal.SIGKILL)
        with Client(node.endpoints) as client:
            story.holds(client)
    finally:
        node.stop()
    assert ringfold("journal", "verify", "--data", str(data)).returncode == 0
    app = ("--app", APP, "--set", "timetable=")
    checked = ringfold("snapshot", "verify", "--events", "--data", str(data), *app)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.slow
def test_a_partition_that_hangs_does_not_hold_the_journal(tmp_path: Path) -> None:
    data = tmp_path / "data"
    node = snapshotting(data, partitions=4)
    with node, Client(node.endpoints) as client:
        client.send(open_run(0))
        client.send_many([open_run(k) for k in range(100, 120)])
        busiest = partition_of(run_name(0), 4)
        story = [k for k in range(1000, 6000) if partition_of(run_name(k), 4) == busiest]
        for start in range(0, 1000, 20):
            client.send_many([open_run(k) for k in story[start : start + 20]])
        until(lambda: segments(data / "journal")[0] > f"{1:020d}", BACK_S, "the journal is pruned")
    with snapshotting(data, partitions=4) as node, Client(node.endpoints) as client:
        assert client.send(open_run(100)).outcome == "rejected"
        assert client.send(open_run(121)).outcome == "committed"


@pytest.mark.smoke
def test_snapshots_are_taken_listed_and_verified_from_the_command_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    place = ("--data", str(data))
    node = railway(data, snapshot_events=100_000)
    with node, Client(node.endpoints) as client:
        client.send_many([open_run(k) for k in range(5)])
        done = ringfold("snapshot", "take", *place)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[1].split()[1] == "5"
        client.send(open_run(9))
    done = ringfold("snapshot", "take", *place, "--set", "timetable=", "--app", APP)
    assert done.returncode == 0, done.stderr
    rows = json.loads(ringfold("snapshot", "list", "--json", *place).stdout)["data"]
    assert [row["position"] for row in rows] == [6, 5]
    assert ringfold("snapshot", "verify", *place).returncode == 0
    assert ringfold("snapshot", "verify", "--events", *place, "--app", APP).returncode == 0
    path = Path(rows[1]["path"])
    path.write_bytes(path.read_bytes()[:-1])
    done = ringfold("snapshot", "verify", *place)
    assert done.returncode == 4
    assert f"{path}: chunk 0" in done.stdout
    assert "there is no data directory" in one_line(ringfold("snapshot", "list", "--data", "/nowhere").stderr)


def test_a_node_that_takes_none_says_how_it_would(tmp_path: Path) -> None:
    with railway(tmp_path / "data", snapshot_events=0):
        refused = ringfold("snapshot", "take", "--data", str(tmp_path / "data"))
    assert refused.returncode == 2
    assert "--set snapshot_events=" in one_line(refused.stderr)
