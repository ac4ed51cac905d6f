"""A clock that once stood a year ahead: said, and timers are due when people expect."""

import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from engine import (
    Aggregate,
    Client,
    Command,
    Commit,
    ConfigError,
    Engine,
    Event,
    EventLog,
    Node,
    ProcessManager,
    Send,
    applies,
    handles,
    on,
)
from engine.testing import InlineEngine
from tests.acceptance.kit import SMALL, ringfold
from tests.deadline import until

AHEAD_NS = 365 * 24 * 3600 * 1_000_000_000
SOON = timedelta(seconds=0.5)
LATER = timedelta(hours=3)  # more than a client's clock may be ahead of the node's

app = Engine("clock")


class Place(Command, name="clock.place"):
    soon: bool = True


class Placed(Event, name="clock.placed"):
    soon: bool


class Confirm(Command, name="clock.confirm"): ...


class Confirmed(Event, name="clock.confirmed"): ...


class Expire(Command, name="clock.expire"): ...


class Expired(Event, name="clock.expired"): ...


@app.aggregate
class Order(Aggregate):
    @handles(Place, exists="must-not")
    def place(self, command: Place) -> Placed:
        return Placed(soon=command.soon)

    @handles(Expire)
    def expire(self, command: Expire) -> Expired:
        return Expired()

    @handles(Confirm)
    def confirm(self, command: Confirm) -> Confirmed:
        return Confirmed()

    @applies(Confirmed)
    def _confirmed(self, event: Confirmed) -> None: ...

    @applies(Placed)
    def _placed(self, event: Placed) -> None: ...

    @applies(Expired)
    def _expired(self, event: Expired) -> None: ...


@app.process_manager("expiry")
class Expiry(ProcessManager):
    @on(Placed)
    def placed(self, event: Placed, commit: Commit, send: Send) -> None:
        send(Confirm(commit.aggregate))  # under an id of the time of its stamp
        send.after(SOON if event.soon else LATER, Expire(commit.aggregate), key=commit.aggregate)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node on what was written by a clock that stood a year ahead, with one timer set."""
    data = tmp_path_factory.mktemp("clock") / "data"
    with InlineEngine(app, data, start_ns=time.time_ns() + AHEAD_NS) as inline:
        with inline.client() as client:
            assert client.send(Place("before")).ok
        inline.settle()
    settings = SMALL | {"disk_reserve_bytes": 0}
    with Node(data, app=f"{__name__}:app", settings=settings, log=data.with_suffix(".log")) as node:
        yield node


def events(node: Node, order: str) -> int:
    with EventLog(node.data, app) as log:
        return sum(1 for _ in log.aggregate(order))


def test_a_clock_that_is_a_year_behind_the_last_stamp_is_said(node: Node) -> None:
    shown = ringfold("status", f"--data={node.data}")
    assert (
        "notice: the clock is 364 days, 23:5" in shown.stdout
        or "notice: the clock is 365 days" in shown.stdout
    )
    assert node.log is not None
    assert "warning input clock.behind" in node.log.read_text()


def test_timers_are_due_so_long_after_now(node: Node) -> None:
    """The one that was set while the clock stood ahead, and one that follows from a stamp of now."""
    with Client(node.endpoints) as client:
        assert client.send(Place("now")).ok
        assert client.send(Place("long", soon=False)).ok
    for order, so_many in (("before", 3), ("now", 3), ("long", 2)):
        until(partial(reached, node, order, so_many), 30, f"{order} has {so_many} events")


def reached(node: Node, order: str, so_many: int) -> bool:
    return events(node, order) == so_many


def test_a_simulated_clock_stands_still_until_it_is_moved_and_a_restart_goes_on_from_there(
    tmp_path: Path,
) -> None:
    data, start = tmp_path / "data", "simulated:2026-11-24T08:00+08:00"
    node = Node(data, app=f"{__name__}:app", settings=SMALL | {"clock": start}, log=tmp_path / "log")
    with node, Client(node.endpoints) as client:
        assert client.send(Place("a", soon=False)).ok
        assert node.now().isoformat() == "2026-11-24T00:00:00+00:00"
        with EventLog(data, app) as log:
            assert next(log.aggregate("a")).commit.time.isoformat() == "2026-11-24T00:00:00+00:00"
        node.time_passes(timedelta(hours=2, minutes=59))
    moved = ringfold("clock", f"--data={data}", "--move=59s")
    assert moved.stdout == "2026-11-24 02:59:59.000Z\n", moved.stderr
    node.start()  # without a word on the clock: the data directory knows
    try:
        assert node.now().isoformat() == "2026-11-24T02:59:59+00:00"
        shown = ringfold("status", f"--data={data}").stdout
        assert f"notice: the clock is a simulated one, {start}: it shows 2026-11-24 02:59:59 UTC" in shown
        assert events(node, "a") == 2
        node.time_passes(seconds=1)
        until(partial(reached, node, "a", 3), 20, "the order has expired")
    finally:
        node.stop()
    refused = ringfold("serve", f"--app={__name__}:app", f"--data={data}", "--clock=system")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "the clock cannot be changed" in refused.stderr


def test_the_systems_clock_is_not_moved(node: Node) -> None:
    refused = ringfold("clock", f"--data={node.data}", "--move=1h")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "the system's clock is not moved" in refused.stderr
    with pytest.raises(ConfigError, match="system's clock"):
        node.time_passes(minutes=1)
