from pathlib import Path

import pytest

from engine.base.errors import ConfigError, Fault
from engine.node.status import LINE, State, StatusPage

NAMES = ["input", "core-0", "projector-余票"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status"


def test_what_one_process_writes_another_reads(path: Path) -> None:
    with StatusPage.create(path, NAMES) as written, StatusPage.attach(path) as read:
        slot = written.slot("core-0")
        slot.state, slot.pid, slot.sequence, slot.position = State.RUNNING, 77, 2**63, 12
        slot.progress += 1
        slot.progress += 1
        assert read.names == tuple(NAMES)
        assert read.slot("core-0").sequence == 2**63
        assert read.snapshot()["core-0"] == {
            "state": "running",
            "pid": 77,
            "progress": 2,
            "sequence": 2**63,
            "position": 12,
            "restarts": 0,
            "lost_replies": 0,
            "dead_letters": 0,
            "outbox": 0,
            "timers": 0,
            "snapshots_taken": 0,
            "aggregates": 0,
        }
        assert read.slot("input").pid == read.slot("projector-余票").pid == 0


def test_no_two_slots_share_a_line(path: Path) -> None:
    with StatusPage.create(path, NAMES) as page:
        for number, name in enumerate(NAMES):
            page.slot(name).restarts = number + 1
        body = path.read_bytes()
    for number in range(len(NAMES)):
        line = body[LINE * (number + 1) : LINE * (number + 2)]
        assert [byte for byte in line if byte] == [number + 1]


def test_every_slot_starts_as_starting(path: Path) -> None:
    with StatusPage.create(path, NAMES) as page:
        assert all(page.slot(name).state == State.STARTING for name in NAMES)


def test_a_counter_wraps_instead_of_raising(path: Path) -> None:
    with StatusPage.create(path, NAMES) as page:
        page.slot("input").lost_replies = 2**64 + 5
        assert page.slot("input").lost_replies == 5


def test_an_unknown_name_is_a_key_error(path: Path) -> None:
    with StatusPage.create(path, NAMES) as page, pytest.raises(KeyError):
        page.slot("core-9")


def test_a_name_that_does_not_fit_is_refused(path: Path) -> None:
    with pytest.raises(ConfigError, match="too long"):
        StatusPage.create(path, ["projector-" + "x" * 60])
    assert not path.exists()


@pytest.mark.parametrize("body", [b"", b"short", bytes(1024), b"RFSTAT01" + b"\xff" * 8 + bytes(112)])
def test_what_is_no_status_page_is_refused_unchanged(path: Path, body: bytes) -> None:
    path.write_bytes(body)
    with pytest.raises(Fault, match="status page"):
        StatusPage.attach(path)
    assert path.read_bytes() == body


def test_a_missing_page_is_a_fault(path: Path) -> None:
    with pytest.raises(Fault, match="cannot be opened"):
        StatusPage.attach(path)
