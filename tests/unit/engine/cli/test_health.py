"""How bad it is: each threshold, from both sides."""

import argparse
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.base.runbook import Page
from engine.cli import Program, health
from engine.cli.asking import Follower
from engine.cli.health import Level, Reason, Thresholds, of_disk, of_followers, of_processes
from engine.cli.observing import Observation
from engine.node.failure import Failure

VIEW = Follower("view", "notes", "ipc:///nowhere")


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    health.options(parser, Program())
    return parser.parse_args(arguments)


def seen(*, silent: bool = False, **row: Any) -> Observation:
    """A node with one view."""
    rows = {
        "projector-notes": {"state": "running", "lag": 0, "lag_s": 0.0, "dead_letters": 0, "restarts": 0}
        | row
    }
    told = SimpleNamespace(
        rows=rows,
        followers=[VIEW],
        silent={"projector-notes"} if silent else set(),
        failures=lambda: (
            {"projector-notes": Failure("it broke", "then", "")} if row.get("state") == "failed" else {}
        ),
        not_at_work=lambda: [name for name, one in rows.items() if one["state"] != "running"],
    )
    return cast(Observation, told)


@pytest.mark.parametrize(
    ("state", "level"),
    [
        ("running", None),
        ("starting", Level.WARNING),
        ("replaying", Level.WARNING),
        ("stopping", Level.WARNING),
        ("waiting-for-room", Level.CRITICAL),
        ("stopped", Level.CRITICAL),
        ("failed", Level.CRITICAL),
    ],
)
def test_what_a_process_does(state: str, level: Level | None) -> None:
    found = list(of_processes(seen(state=state), options()))
    assert [(reason.level, reason.code) for reason in found] == (
        [(level, f"process-{state}")] if level else []
    )
    assert all("it broke" in reason.text for reason in found if state == "failed")


def test_restarts_count_if_they_are_asked_for() -> None:
    assert not list(of_processes(seen(restarts=5), options()))
    (reason,) = of_processes(seen(restarts=5), options("--restarts-warning=5"))
    assert reason == Reason(
        Level.WARNING, "restarts", "projector-notes was started again 5 times", Page.RESTARTS
    )


@pytest.mark.parametrize(
    ("row", "arguments", "levels"),
    [
        ({"lag_s": 9.9}, [], []),
        ({"lag_s": 10.0}, [], [Level.WARNING]),
        ({"lag_s": 60.0}, [], [Level.CRITICAL]),
        ({"lag_s": 60.0}, ["--lag-critical=0"], [Level.WARNING]),
        ({"lag_s": 3.0}, ["--lag-warning=1", "--lag-critical=2"], [Level.CRITICAL]),
        ({"lag_s": None, "silent": True}, [], [Level.WARNING]),
        ({"lag_s": 60.0, "silent": True}, [], [Level.CRITICAL]),
        ({"lag_s": None, "state": "replaying", "silent": True}, [], []),
        ({"dead_letters": 1}, [], [Level.WARNING]),
        ({"dead_letters": 1000}, [], [Level.WARNING]),
        ({"dead_letters": 1}, ["--dead-letters-warning=0"], []),
        ({"dead_letters": 5}, ["--dead-letters-critical=5"], [Level.CRITICAL]),
    ],
)
def test_how_far_a_follower_is(row: dict[str, Any], arguments: list[str], levels: list[Level]) -> None:
    assert [reason.level for reason in of_followers(seen(**row), options(*arguments))] == levels


def test_one_that_does_not_answer_is_told_of_with_its_lag() -> None:
    (reason,) = of_followers(seen(silent=True, lag=7166, lag_s=82.3), options())
    assert reason.text == "view notes does not answer; 7,166 events, 82 s behind"
    (reason,) = of_followers(seen(lag=7166, lag_s=82.3), options())
    assert reason.text == "view notes is 7,166 events, 82 s behind"


@pytest.mark.parametrize(
    ("free", "arguments", "levels"),
    [
        (512 << 20, [], []),
        ((512 << 20) - 1, [], [Level.WARNING]),
        ((256 << 20) - 1, [], [Level.CRITICAL]),
        (3 << 30, ["--disk-warning=4GiB"], [Level.WARNING]),
        (3 << 30, ["--disk-critical=4GiB"], [Level.CRITICAL]),
        (0, ["--disk-warning=0", "--disk-critical=0"], []),
    ],
)
def test_how_much_room_the_disk_has(
    free: int, arguments: list[str], levels: list[Level], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "free_bytes", lambda path: free)
    told = SimpleNamespace(
        data=SimpleNamespace(path="x"), described={"config": {"disk_reserve_bytes": 256 << 20}}
    )
    found = list(of_disk(cast(Observation, told), options(*arguments)))
    assert [reason.level for reason in found] == levels


def test_the_worse_threshold_wins() -> None:
    assert Thresholds(1, 2).level(2) is Level.CRITICAL
    assert Thresholds(2, 1).level_of_room(0) is Level.CRITICAL
