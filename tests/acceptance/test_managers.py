"""Process managers on a running node: killed at each step of their loop, each effect happens once."""

import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import Client, Node
from engine.base.crash import VARIABLE
from engine.base.errors import Fault
from tests.acceptance.kit import ringfold
from tests.deadline import until
from tests.examples.following import History
from tests.unit.engine.managers.relay import PostParcel, effects, wished

APP = "tests.unit.engine.managers.relay:create"
SETTINGS = {"segment_bytes": "1MiB", "max_message_bytes": "64KiB", "checkpoint_ms": 50, "partitions": 2}
TENTH_NS = 100_000_000
POINTS = ("manager.taken", "manager.fired", "manager.saved", "manager.sent", "manager.answered")


def parcels(number: int, first: int = 0) -> list[PostParcel]:
    """Some that arrive, some that come back, some that are asked for soon. Their boxes are many, so that
    both partitions have work."""
    return [
        PostParcel(f"parcel-{k}", box=f"full-{k}" if k % 5 == 4 else f"box-{k}", remind_ns=_soon(k))
        for k in range(first, first + number)
    ]


def _soon(k: int) -> int:
    return TENTH_NS * (1 + k % 3) if k % 5 in (1, 2) else 0


@contextmanager
def post(tmp_path: Path, app: str = APP) -> Iterator[tuple[Node, Client, History]]:
    """A node, a client of it and its history."""
    with (
        Node(tmp_path / "data", app=app, settings=SETTINGS, log=tmp_path / "log") as node,
        Client(node.endpoints) as client,
    ):
        history = History(tmp_path / "data", 2)
        try:
            yield node, client, history
        finally:
            history.close()


def at_rest(node: Node, history: History) -> bool:
    """Nothing is under way any more, and it was not so because nothing had begun."""
    assert node.page is not None
    slot = node.page.slot("manager-relay")
    history.new()
    quiet = slot.outbox == slot.timers == 0 and slot.position == sum(history.positions)
    return quiet and node.at_work() and not history.new()


@pytest.mark.smoke
@pytest.mark.parametrize("number", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_kill_at_each_step_leaves_one_effect_of_each_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setenv(VARIABLE, ",".join(f"{point}:{number}:{tmp_path / point}" for point in POINTS))
    assert_one_effect_of_each(tmp_path, POINTS)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("number", [1, 2, 17])
def test_a_kill_at_any_step_again_and_again_leaves_one_effect_of_each_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, number: int
) -> None:
    files = [tmp_path / f"{point}-{k}" for k in range(5)]
    monkeypatch.setenv(VARIABLE, ",".join(f"{point}:{number}:{file}" for file in files))
    assert_one_effect_of_each(tmp_path, [file.name for file in files])


def assert_one_effect_of_each(tmp_path: Path, deaths: Sequence[str]) -> None:
    """Posts parcels until the process manager has died all its deaths, then looks at what has happened."""
    wishes: list[PostParcel] = []
    with post(tmp_path) as (node, client, history):
        assert node.page is not None
        slot = node.page.slot("manager-relay")
        deadline = time.monotonic() + 60
        while not all((tmp_path / name).exists() for name in deaths):
            assert time.monotonic() < deadline, "the process manager was not killed as often as it should"
            some = parcels(10, len(wishes))
            wishes += some
            assert all(receipt.ok for receipt in client.send_many(some, timeout_s=30))
            until(lambda: at_rest(node, history), 30, "everything has arrived")
        until(lambda: at_rest(node, history), 30, "everything has arrived")
        assert slot.restarts == len(deaths)
        assert effects(history.commits) == wished(wishes)


@pytest.mark.smoke
def test_timers_fire_after_a_restart_although_their_time_passed_while_the_node_was_down(
    tmp_path: Path,
) -> None:
    far = PostParcel("far", box="box", remind_ns=36_000 * TENTH_NS)
    soon = PostParcel("soon", box="box", remind_ns=30 * TENTH_NS)
    with post(tmp_path) as (node, client, history):
        assert client.send(far).ok
        assert client.send(soon).ok
        assert node.page is not None
        slot = node.page.slot("manager-relay")
        until(lambda: slot.timers == 2, 10, "the timers are set")
        for name in sorted(node.pids):
            os.kill(node.pids[name], signal.SIGKILL)
        node.kill()
        due = time.monotonic() + 3.0
        until(lambda: time.monotonic() > due, what="the timer's time has passed")
        node.start()
        until(lambda: "box.reminded" in str(history.new() and history.commits), 20, "the timer has fired")
        assert effects(history.commits)["box.reminded", "soon"] == 1
        assert effects(history.commits)["box.reminded", "far"] == 0
        told = json.loads(ringfold("status", f"--data={tmp_path / 'data'}", "--json").stdout)["data"]
        assert told["processes"]["manager-relay"]["timers"] == 1


@pytest.mark.slow
def test_the_node_goes_on_while_input_and_process_manager_die_again_and_again(tmp_path: Path) -> None:
    wishes = parcels(300)
    with post(tmp_path) as (node, client, history):
        tickets: list[Any] = []
        for k, wish in enumerate(wishes):
            tickets.append(client.submit(wish, timeout_s=60))
            if k % 100 == 50:
                kill(node, "input" if k == 150 else "manager-relay")
        assert all(client.wait(ticket).ok for ticket in tickets)
        until(lambda: at_rest(node, history), 60, "everything has arrived")
        found, wanted = effects(history.commits), wished(wishes)
        assert {key: n for key, n in found.items() if n != 1} == {}
        assert wanted - found == {}
        early = set(found) - set(wanted)  # who was asked for before it was known to be coming back
        assert {what for what, _ in early} <= {"box.reminded"}


def test_a_process_manager_that_comes_late_lets_the_past_rest(tmp_path: Path) -> None:
    with post(tmp_path, APP + "_without") as (_, client, _):
        assert all(receipt.ok for receipt in client.send_many(parcels(10), timeout_s=30))
    with post(tmp_path) as (node, client, history):
        assert all(receipt.ok for receipt in client.send_many(parcels(5, 10), timeout_s=30))
        until(lambda: at_rest(node, history), 30, "everything has arrived")
        assert effects(history.commits) == wished(parcels(5, 10))


@pytest.mark.slow
def test_stops_and_kills_of_the_whole_node_leave_one_effect_of_each_event(tmp_path: Path) -> None:
    node = Node(tmp_path / "data", app=APP, settings=SETTINGS, log=tmp_path / "log")
    wishes: list[PostParcel] = []
    with node:
        for how in ("stop", "kill", "kill all") * 3:
            some = parcels(500, len(wishes))
            wishes += some
            with Client(node.endpoints) as client:
                assert all(receipt.ok for receipt in client.send_many(some, timeout_s=60))
            if how == "kill all":
                for pid in node.pids.values():
                    os.kill(pid, signal.SIGKILL)
            if how == "stop":
                assert node.stop() == 0
            else:
                node.kill()
            until(lambda: starts(node), 30, "the data directory is free again")
        history = History(tmp_path / "data", 2)
        until(lambda: at_rest(node, history), 60, "everything has arrived")
        history.close()
        assert effects(history.commits) == wished(wishes)


def starts(node: Node) -> bool:
    """True once the node has started: until then, children of a killed one may hold the lock."""
    try:
        node.start()
    except Fault:
        return False
    return True


def kill(node: Node, name: str) -> None:
    """Kills one process and returns when it has been started again."""
    until(node.at_work, 30, "every process is at work")
    victim = node.pids[name]
    os.kill(victim, signal.SIGKILL)
    until(lambda: node.pids[name] != victim, 30, f"{name} is started again")


def test_what_is_under_way_for_one_parcel_is_shown(tmp_path: Path) -> None:
    command = ("process-manager", "show", "relay", "parcel-1", f"--data={tmp_path / 'data'}")
    with post(tmp_path) as (node, client, _):
        client.send(PostParcel("parcel-1", box="box-1", remind_ns=3600 * 10**9))
        client.send(PostParcel("parcel-10", box="box-1", remind_ns=3600 * 10**9))

        def shown() -> Any:
            return json.loads(ringfold(*command, "--json").stdout)["data"]

        until(lambda: shown()["timers"] and not shown()["state"], what="the parcel in its box")
        instance = shown()
        assert [timer["key"] for timer in instance["timers"]] == ["parcel-1"]
        assert (instance["outbox"], instance["dead_letters"]) == ([], [])
        head, state, way, timers, timer, aside = ringfold(*command).stdout.splitlines()
        assert head == "process manager relay, parcel-1"
        assert [state, way, timers, aside] == [
            "state: nothing", "on their way: nothing", "timers", "set aside: nothing"
        ]  # fmt: skip
        assert timer.startswith("  parcel-1  due 2")
        assert ' box.remind to box-1 {"parcel": "parcel-1"} as ' in timer
        assert node.stop() == 0
