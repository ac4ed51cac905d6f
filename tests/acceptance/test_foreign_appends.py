"""Foreign appends that meet a node at a bad moment: no process may stop or wait for ever."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import (
    Aggregate,
    Client,
    Command,
    Engine,
    Event,
    Fault,
    Node,
    append_foreign,
    applies,
    handles,
)
from engine.node.status import Slot, State
from tests.deadline import until

PATIENT = {"hang_seconds": 60}  # processes are stopped here on purpose


class Count(Command, name="foreign.count"): ...


class Counted(Event, name="foreign.counted"): ...


class Counter(Aggregate):
    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.count = 0

    @handles(Count, exists="may")
    def add(self, command: Count) -> Counted:
        return Counted()

    @applies(Counted)
    def _counted(self, event: Counted) -> None:
        self.count += 1


class Fill(Command, name="foreign.fill"): ...


class Filled(Event, name="foreign.filled"):
    litres: int


class Tank(Aggregate):
    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.litres = 0

    @handles(Fill, exists="may")
    def fill(self, command: Fill) -> Filled:
        return Filled(1)

    @applies(Filled)
    def _filled(self, event: Filled) -> None:
        self.litres += event.litres


def create(settings: Mapping[str, str]) -> Engine:
    app = Engine("foreign")
    app.aggregate(Counter)
    app.aggregate(Tank)
    return app


def create_forgetful(settings: Mapping[str, str]) -> Engine:
    app = Engine("foreign")
    app.aggregate(idle_s=1e-9)(Counter)
    return app


@contextmanager
def node_of(folder: Path, app: str = "create") -> Iterator[tuple[Node, Client]]:
    node = Node(folder / "data", app=f"{__name__}:{app}", settings=PATIENT, log=folder / "log")
    with node, Client(node.endpoints) as client:
        assert client.send(Count("c")).version == 1
        yield node, client


@contextmanager
def standing_still(node: Node, name: str) -> Iterator[None]:
    os.kill(node.pids[name], signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(node.pids[name], signal.SIGCONT)


def slot(node: Node, name: str) -> Slot:
    assert node.page is not None
    return node.page.slot(name)


@pytest.mark.parametrize("name", ["core-0", "output-0"])
def test_an_append_while_a_process_is_away_is_noticed_when_it_is_back(tmp_path: Path, name: str) -> None:
    with node_of(tmp_path) as (node, client):
        os.kill(node.pids[name], signal.SIGKILL)
        assert append_foreign(node.data, "c", [Counted()]) == (2, 2)
        assert client.send(Count("c"), timeout_s=30).version == 3
        assert node.stop() == 0


def test_a_second_append_while_the_core_goes_back_is_taken_in_with_the_first(tmp_path: Path) -> None:
    with node_of(tmp_path) as (node, client):
        with standing_still(node, "core-0"):
            with standing_still(node, "output-0"):
                os.kill(node.pids["core-0"], signal.SIGCONT)
                assert client.send(Count("c"), wait="accepted").outcome == "accepted"
                until(lambda: slot(node, "core-0").sequence == 2, what="it is decided")
                os.kill(node.pids["core-0"], signal.SIGSTOP)
                append_foreign(node.data, "c", [Counted()])
            until(lambda: slot(node, "output-0").epoch == 1, what="the output has noticed")
            append_foreign(node.data, "c", [Counted()])
        assert client.send(Count("c"), timeout_s=30).version == 5
        assert node.stop() == 0


def test_an_idle_aggregate_that_comes_back_without_what_is_appended_just_then_is_decided_again(
    tmp_path: Path,
) -> None:
    with node_of(tmp_path, "create_forgetful") as (node, client):
        assert client.send(Count("d")).version == 1
        assert client.send(Count("e")).version == 1  # others leave memory with this one at the latest
        with standing_still(node, "output-0"):
            for name in ("x", "x", "c"):  # `c` is stored as far as it goes, so it need not wait for `x`
                assert client.send(Count(name), wait="accepted").outcome == "accepted"
            until(lambda: slot(node, "core-0").sequence == 6, what="all is decided")
            append_foreign(node.data, "c", [Counted()])
        assert client.send(Count("c"), timeout_s=30).version == 4
        assert client.send(Count("x"), timeout_s=30).version == 3
        assert node.stop() == 0


def test_a_core_decides_nothing_before_the_last_life_s_decisions_are_stored(tmp_path: Path) -> None:
    with node_of(tmp_path) as (node, client):
        core = slot(node, "core-0")
        with standing_still(node, "output-0"):
            assert client.send(Count("c"), wait="accepted").outcome == "accepted"
            until(lambda: core.sequence == 2, what="it is decided")
            os.kill(core.pid, signal.SIGKILL)
            until(lambda: core.restarts == 1, what="the core is started again")
            before = core.progress
            until(lambda: core.progress > before + 20, what="it waits")
            assert core.state == State.STARTING
        assert client.send(Count("c"), timeout_s=30).version == 3
        assert node.stop() == 0


def test_an_event_of_another_class_of_aggregate_holds_its_own_and_is_one_line_at_the_next_start(
    tmp_path: Path,
) -> None:
    with node_of(tmp_path) as (node, client):
        assert append_foreign(node.data, "c", [Filled(3)]) == (2, 2)
        receipt = client.send(Count("c"), timeout_s=30)
        assert (receipt.outcome, receipt.code) == ("failed", "unreadable")
        assert client.send(Count("d")).version == 1
        assert client.send(Fill("t")).version == 1
        assert node.stop() == 0
    with pytest.raises(Fault, match="exit_code=2"), node:
        pass
    (line,) = (line for line in (tmp_path / "log").read_text().splitlines() if "process.failed" in line)
    assert "the application cannot apply a stored event" in line
    assert 'aggregate=c, version=2, position=2, error="AttributeError' in line
