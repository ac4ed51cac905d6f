"""A clock that once stood a year ahead: said, and timers are due when people expect."""

import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from engine import (
    Aggregate,
    Client,
    Command,
    Commit,
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
