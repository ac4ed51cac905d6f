"""A snapshot and the tail after it are the same as all events from the first one on, wherever it is cut."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.model.state import canonical
from engine.node.data_directory import DataDirectory
from engine.snapshots.loading import Unusable, verify
from tests.unit.engine.snapshots.history import History, digest, restored, standby, take
from tests.unit.engine.snapshots.sample import tallies

POINTS = ("state", "begun", "chunk", "durable", "kept")


def test_a_snapshot_at_every_place_and_the_tail_after_it_are_the_whole_history(tmp_path: Path) -> None:
    history = History(tmp_path)
    for _ in range(25):
        history.go_on(1)
        snapshot = take(tmp_path)
        assert snapshot is not None
        assert snapshot.position == history.partition.position
        history.go_on(2)
        assert digest(restored(tmp_path)) == digest(history.partition)
        assert digest(restored(tmp_path, with_snapshot=False)) == digest(history.partition)
    assert len(DataDirectory(tmp_path).snapshot_folder(0).snapshots()) == 2


def test_nothing_is_taken_where_nothing_is_new(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert take(tmp_path) is None, "nothing has happened yet"
    history.go_on(3)
    snapshot = take(tmp_path)
    assert snapshot is not None
    assert take(tmp_path) is None
    history.go_on(1)
    assert take(tmp_path) not in (None, snapshot)


def test_damaged_snapshots_cost_time_and_nothing_else(tmp_path: Path) -> None:
    history = History(tmp_path)
    for _ in range(2):
        history.go_on(4)
        take(tmp_path)
    newest, older = DataDirectory(tmp_path).snapshot_folder(0).snapshots()
    history.go_on(3)
    expected = digest(history.partition)
    for snapshot in (newest, older):
        content = bytearray(snapshot.path.read_bytes())
        content[len(content) // 2] ^= 4
        snapshot.path.write_bytes(content)
        assert digest(restored(tmp_path)) == expected
    made = take(tmp_path)
    assert made is not None
    verify(made.path)
    assert digest(restored(tmp_path)) == expected


def test_idle_aggregates_are_left_out_and_come_back(tmp_path: Path) -> None:
    app = tallies(idle_s=180.0)
    history = History(tmp_path)
    for _ in range(12):
        history.go_on(4)
        take(tmp_path, app)
        with_it, without = restored(tmp_path, app), restored(tmp_path, app, with_snapshot=False)
        assert with_it.position == without.position
        for name, tally in without.aggregates.items():
            other = with_it.aggregates[name]
            assert (other.version, canonical(other.save_state())) == (
                tally.version,
                canonical(tally.save_state()),
            )
    assert len(without.aggregates) < 40
    with standby(tmp_path, app) as taker:
        assert taker.replayed(without.position).aggregates.keys() > without.aggregates.keys()


def test_an_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.go_on(30)
    steps = 0

    def beat() -> None:
        nonlocal steps
        steps += 1
        if steps == 33:
            raise InterruptedError

    with standby(tmp_path, beat=beat) as taker:
        with pytest.raises(InterruptedError):
            taker.take()
        assert DataDirectory(tmp_path).snapshot_folder(0).snapshots() == []
        assert taker.take() is not None
    assert len(os.listdir(DataDirectory(tmp_path).snapshot_folder(0).path)) == 1


@pytest.mark.parametrize("point", POINTS)
def test_a_death_at_any_step_leaves_whole_snapshots_only(tmp_path: Path, point: str) -> None:
    history = History(tmp_path)
    history.go_on(5)
    before = take(tmp_path)
    history.go_on(5)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        env={**os.environ, "ENGINE_CRASH_AT": f"snapshot.{point}:1"},
        timeout=30,
    )
    assert child.returncode == -signal.SIGKILL
    snapshots = DataDirectory(tmp_path).snapshot_folder(0).snapshots()
    assert before in snapshots
    for snapshot in snapshots:
        try:
            verify(snapshot.path)
        except Unusable as why:  # pragma: no cover
            pytest.fail(str(why))
    assert len(snapshots) == 1 + (point in ("durable", "kept"))
    assert digest(restored(tmp_path)) == digest(history.partition)
    take(tmp_path)
    assert len(os.listdir(DataDirectory(tmp_path).snapshot_folder(0).path)) == 2
    assert digest(restored(tmp_path)) == digest(history.partition)


CHILD = """
import sys
from pathlib import Path
from tests.unit.engine.snapshots.history import take
take(Path(sys.argv[1]))
"""
