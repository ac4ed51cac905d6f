import os
from pathlib import Path

import pytest

from engine.base.errors import Fault
from engine.node import run_directory
from engine.node.config import IPC_PATH_LIMIT
from engine.node.run_directory import RunDirectory, bases, sweep


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(run_directory, "bases", lambda: iter([tmp_path]))
    return tmp_path


def test_it_is_private_and_its_sockets_fit_into_an_address() -> None:
    run = RunDirectory.create(need_bytes=1 << 20)
    try:
        assert run.path.stat().st_mode & 0o777 == 0o700
        assert run.rings.is_dir()
        path = run.socket("query-000").removeprefix("ipc://")
        assert len(path) <= IPC_PATH_LIMIT
    finally:
        run.remove()
    assert not run.path.exists()


def test_the_directory_of_a_dead_node_is_swept_and_that_of_a_living_one_is_not(base: Path) -> None:
    dead, living = RunDirectory.create(0), RunDirectory.create(0)
    os.close(dead.lock_fd)  # as if the process were gone
    (dead.rings / "inbox-0").write_bytes(bytes(4096))
    assert sweep(base) == [dead.path]
    assert not dead.path.exists()
    assert living.path.exists()
    living.remove()


def test_making_one_sweeps_those_left_behind(base: Path) -> None:
    dead = RunDirectory.create(0)
    os.close(dead.lock_fd)
    fresh = RunDirectory.create(0)
    assert not dead.path.exists()
    fresh.remove()


def test_what_another_user_made_is_left_alone(base: Path) -> None:
    (base / "ringfold-notes").mkdir()
    (base / "ringfold-file").write_text("mine")
    assert sweep(base) == []
    assert {path.name for path in base.iterdir()} == {"ringfold-notes", "ringfold-file"}


def test_without_room_anywhere_it_says_what_was_tried(base: Path) -> None:
    with pytest.raises(Fault, match="no place for the run directory") as caught:
        RunDirectory.create(need_bytes=1 << 60)
    assert str(base) in str(caught.value)
    assert list(base.iterdir()) == []


def test_a_place_with_too_little_room_is_passed_over(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = base / "small", base / "large"
    small.mkdir()
    large.mkdir()
    monkeypatch.setattr(run_directory, "bases", lambda: iter([small, large]))
    monkeypatch.setattr(run_directory, "free_bytes", lambda at: 1 << 10 if at == small else 1 << 30)
    run = RunDirectory.create(need_bytes=1 << 20)
    assert run.path.parent == large
    run.remove()


def test_a_path_too_long_for_a_socket_is_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    assert deep not in list(bases())


def test_it_says_why_it_does_not_lie_in_shared_memory(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, disk = base / "memory", base / "disk"
    memory.mkdir()
    disk.mkdir()
    monkeypatch.setattr(run_directory, "SHARED_MEMORY", memory)
    monkeypatch.setattr(run_directory, "bases", lambda: iter([memory, disk]))
    monkeypatch.setattr(run_directory, "free_bytes", lambda at: 1 << 20)
    well = RunDirectory.create(need_bytes=1 << 20)
    assert (well.path.parent, well.passed_over) == (memory, "")
    well.remove()
    monkeypatch.setattr(run_directory, "free_bytes", lambda at: 1 << 20 if at == memory else 1 << 30)
    passed = RunDirectory.create(need_bytes=1 << 21)
    assert (passed.path.parent, passed.passed_over) == (disk, f"{memory}: 1 MiB free")
    passed.remove()
    monkeypatch.setattr(run_directory, "bases", lambda: iter([disk]))
    without = RunDirectory.create(need_bytes=0)
    assert without.passed_over == f"{memory}: it cannot be used"
    without.remove()
