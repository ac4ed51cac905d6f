"""How bad it is: each threshold, from both sides."""

import argparse
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.base.runbook import Page
from engine.cli import findings
from engine.cli.asking import Follower
from engine.cli.findings import (
    Level,
    Reason,
    Thresholds,
    findings_of,
    of_commands,
    of_disk,
    of_followers,
    of_processes,
)
from engine.cli.measuring import Measured
from engine.cli.observing import Observation
from engine.managers.manager import MOST_WAITING
from engine.node.failure import Failure

VIEW = Follower("view", "notes", "ipc:///nowhere")


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    findings.add_thresholds(parser)
    return parser.parse_args(arguments)


def seen(*, silent: bool = False, **row: Any) -> Observation:
    """A node with one view."""
    rows = {
        "projector-notes": {
            "state": "running",
            "lag": 0,
            "lag_s": 0.0,
            "dead_letters": 0,
            "outbox": None,
            "restarts": 0,
        }
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
        described={},
        data=SimpleNamespace(path="x"),
        node=SimpleNamespace(cluster="", max_in_flight_per_client=100),
    )
    return cast(Observation, told)


def look(
    seen: Observation,
    lagging: dict[str, float] | None = None,
    aside: dict[str, float] | None = None,
    *,
    busy: dict[str, tuple[int, int]] | None = None,
    input_per_s: float = 0.0,
) -> Measured:
    """The second of two looks, half a second apart."""
    return Measured(
        seen, 0.5, {"input": input_per_s}, {}, busy or {}, None, {}, {}, lagging or {}, aside or {}, {}
    )


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
    text = "projector-notes was started again 5 times"
    for given, level in ([], Level.NOTE), (["--restarts-warning=5"], Level.WARNING):
        (reason,) = of_processes(seen(restarts=5), options(*given))
        assert reason == Reason(level, "restarts", text, Page.RESTARTS)


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
        ({"lag_s": 60.0, "state": "failed"}, [], []),
        ({"lag_s": None, "state": "replaying", "silent": True}, [], []),
        ({"dead_letters": 1}, [], [Level.WARNING]),
        ({"dead_letters": 1000}, [], [Level.WARNING]),
        ({"dead_letters": 1}, ["--dead-letters-warning=0"], []),
        ({"dead_letters": 5}, ["--dead-letters-critical=5"], [Level.CRITICAL]),
    ],
)
def test_how_far_a_follower_is(row: dict[str, Any], arguments: list[str], levels: list[Level]) -> None:
    assert [reason.level for reason in of_followers(look(seen(**row)), options(*arguments))] == levels


def told(*, lagging: float = 0.0, aside: float = 0.0, **row: Any) -> list[str]:
    """What is said of the view."""
    rates = {"projector-notes": lagging}, {"projector-notes": aside}
    return [reason.text for reason in of_followers(look(seen(**row), *rates), options())]


def test_one_that_does_not_answer_is_told_of_with_its_lag() -> None:
    late = {"lag": 7166, "lag_s": 82.3}
    assert told(silent=True, **late) == ["view notes does not answer; 7,166 events, 82 s behind"]
    assert told(**late) == ["view notes is 7,166 events, 82 s behind"]


def test_what_grows_or_shrinks_says_so() -> None:
    late = {"lag": 7166, "lag_s": 82.3}
    assert told(lagging=60.0, **late)[0].endswith(" behind, growing by 60/s")
    assert told(lagging=-2.0, **late)[0].endswith(" behind, shrinking by 2/s")
    assert told(aside=3.2, dead_letters=14) == [
        "view notes has set 14 aside, 3/s more now: `dead-letter list` says why"
    ]


def test_an_outbox_that_is_full_comes_before_the_lag_that_follows_from_it() -> None:
    full, late = told(outbox=20_001, lag=10, lag_s=20.0)
    assert full == "the outbox of view notes is full (20,001): it applies nothing new"
    assert late == "view notes is 10 events, 20 s behind"
    assert MOST_WAITING == findings.MOST_OUTGOING
    (reason,) = of_followers(look(seen(outbox=1_000)), options())
    assert reason.level is Level.NOTE


def test_commands_that_are_turned_away_are_told_of_with_their_share_and_rate() -> None:
    away = look(seen(), busy={"waiting": (90_000, 21_342), "disk": (0, 0)}, input_per_s=21_986.0)
    now, before = of_commands(away)
    assert (now.level, now.code, now.page) == (Level.CRITICAL, "busy", Page.BUSY)
    assert now.text == ("66% of the commands are turned away now (waiting 42,684/s: too many commands wait)")
    assert (before.level, before.code) == (Level.NOTE, "busy-waiting")
    (first, _) = of_commands(look(seen(), busy={"waiting": (9, 9)}, input_per_s=1_000.0))
    assert first.level is Level.WARNING
    (only,) = of_commands(look(seen(), busy={"waiting": (9, 0)}))
    assert only.level is Level.NOTE


def test_a_cause_comes_before_what_follows_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "free_bytes", lambda path: 1 << 40)
    late = look(seen(lag=10, lag_s=70.0, restarts=1), busy={"waiting": (9, 9)})
    found = findings_of(late, options())
    assert [reason.code for reason in found] == ["busy", "behind", "restarts", "busy-waiting"]


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
    monkeypatch.setattr(findings, "free_bytes", lambda path: free)
    told = SimpleNamespace(
        data=SimpleNamespace(path="x"), described={"config": {"disk_reserve_bytes": 256 << 20}}
    )
    found = list(of_disk(cast(Observation, told), options(*arguments)))
    assert [reason.level for reason in found] == levels


def test_the_disk_says_what_its_room_is_compared_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "free_bytes", lambda path: 23 << 30)
    described: dict[str, dict[str, Any]] = {
        "config": {"disk_reserve_bytes": 40658364 << 10},
        "origins": {"disk_reserve_bytes": "flag --disk-reserve-bytes"},
    }
    told = cast(Observation, SimpleNamespace(data=SimpleNamespace(path="x"), described=described))
    (reason,) = of_disk(told, options())
    assert reason.text == (
        "the disk has 23.0 GiB left, less than disk_reserve_bytes 38.8 GiB (flag --disk-reserve-bytes): "
        "every command is refused"
    )
    described["config"]["disk_reserve_bytes"] = 20 << 30
    (reason,) = of_disk(told, options())
    assert "less than twice disk_reserve_bytes 20.0 GiB (flag" in reason.text
    (reason,) = of_disk(told, options("--disk-critical=30GiB"))
    assert reason.text.endswith("less than the 30.0 GiB of --disk-critical")


def test_the_worse_threshold_wins() -> None:
    assert Thresholds(1, 2).level(2) is Level.CRITICAL
    assert Thresholds(2, 1).level_of_room(0) is Level.CRITICAL
