"""Disorder as a test asks for it: other orders across aggregates, every event twice, a seed to repeat it."""

import random
import re
from typing import Any

import pytest

from engine import (
    Aggregate,
    Command,
    Commit,
    Engine,
    Event,
    ProcessManager,
    Send,
    Table,
    applies,
    handles,
    on,
)
from engine.testing import given
from tests.unit.engine.testing.domain import Balances, Collector, Deposit, Deposited, Last, Remind, Withdrawn


class Close(Command, name="box.close"): ...


class Opened(Event, name="box.opened"): ...


class Box(Aggregate):
    @handles(Close)
    def close(self, command: Close) -> None: ...

    @applies(Opened)
    def _opened(self, event: Opened) -> None: ...


class Latecomer(ProcessManager, name="latecomer"):
    """Depends on the order across aggregates."""

    @on(Opened)
    def opened(self, event: Opened, meta: Commit, send: Send, state: Table[str]) -> None:
        if "first" in state:
            send(Close(meta.aggregate))
        state["first"] = meta.aggregate


class Gambler(ProcessManager, name="gambler"):
    @on(Opened)
    def opened(self, event: Opened, send: Send) -> None:
        send(Close(f"box-{random.random()}"))


app = Engine("boxes", aggregates=[Box], process_managers=[Latecomer, Gambler])


def test_a_view_in_disorder_is_asked_in_many_orders_and_its_seed_is_named() -> None:
    events = [(name, Deposited(n)) for n in range(3) for name in "ab"]
    given(*events).project(Balances).in_disorder(30).shows("balance", {"account": "a"}, 3)
    with pytest.raises(AssertionError, match=r"expected 'b' \(as delivered, events in .*; seed=77\)"):
        given(*events).project(Last).in_disorder(10, seed=77).shows("last", {"account": ""}, "b")
    with pytest.raises(AssertionError, match=r"; seed=\d+\)"):
        given(*events).project(Last).in_disorder(30).shows("last", {"account": ""}, "b")


def test_a_process_manager_in_disorder_comes_to_the_same_in_every_order() -> None:
    story = given(("a", Deposited(10))).process_manager(Collector)
    events: list[Any] = [("a", Withdrawn(1)), ("a", Withdrawn(2)), ("b", Withdrawn(4)), ("c", [Withdrawn(8)])]
    disorder = story.in_disorder(*events)
    disorder.sends(*(Remind(name, text="now") for name in "bcaa")).state("a", 3).state("c", 8)
    disorder.sets_timer(Remind("b", text="late"), minutes=30, key="b")
    disorder.time_passes(minutes=31).sends(*(Remind(name, text="late") for name in "abc")).has_no_timer()
    disorder.when(("d", Withdrawn(1))).when_refused(Remind, "no").sends(Deposit("d", amount=2))
    story.sends_nothing()


def test_a_process_manager_that_relies_on_the_order_across_aggregates_is_found_with_its_seed() -> None:
    story = given(app=app).process_manager(Latecomer)
    with pytest.raises(AssertionError, match="expected to be sent") as failure:
        story.in_disorder(("a", Opened()), ("b", Opened()), seed=5).sends(Close("b"))
    assert re.match(r"\(events in the order (a, b|b, a); seed=5\)", failure.value.__notes__[0])


def test_a_process_manager_that_sends_by_chance_is_found() -> None:
    with pytest.raises(AssertionError, match="handled again, it sends something else"):
        given(app=app).process_manager(Gambler).when(Opened())
