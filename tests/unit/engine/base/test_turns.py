"""Long turns: of the thread that asks for them and what it starts, unless it has a policy of its own."""

import os
from collections.abc import Callable
from threading import Thread

import pytest

from engine.base.turns import take_long_turns, take_short_turns

pytestmark = pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="NO TURNS ARE TESTED: no Linux")


def in_a_thread(*steps: Callable[[], object]) -> tuple[int, int]:
    """(policy, niceness) of a thread that does this."""
    found: list[tuple[int, int]] = []

    def run() -> None:
        for step in steps:
            step()
        found.append((os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)))

    thread = Thread(target=run)
    thread.start()
    thread.join()
    (one,) = found
    return one


def policy_after(*steps: Callable[[], object]) -> int:
    return in_a_thread(*steps)[0]


def test_a_thread_takes_them_and_no_other_one_does() -> None:
    before = os.sched_getscheduler(0)
    assert policy_after(lambda: take_long_turns(100)) == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == before


def test_what_it_starts_takes_them_too_and_may_go_back() -> None:
    started: list[int] = []
    policy_after(lambda: take_long_turns(100), lambda: started.append(policy_after()))
    policy_after(lambda: take_long_turns(100), lambda: started.append(policy_after(take_short_turns)))
    assert started == [os.SCHED_BATCH, os.SCHED_OTHER]


def test_it_stays_as_nice_as_it_was() -> None:
    nice = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 1)

    def be_nice() -> None:
        os.setpriority(os.PRIO_PROCESS, 0, nice)

    assert in_a_thread(be_nice, lambda: take_long_turns(100)) == (os.SCHED_BATCH, nice)


def test_none_are_the_systems_own() -> None:
    assert policy_after(lambda: take_long_turns(0)) == os.sched_getscheduler(0)


def test_a_policy_that_was_chosen_stays() -> None:
    def be_idle() -> None:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))

    assert policy_after(be_idle, lambda: take_long_turns(100)) == os.SCHED_IDLE
    assert policy_after(be_idle, take_short_turns) == os.SCHED_IDLE


def test_where_the_system_has_nothing_of_this_all_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: int) -> int:
        raise PermissionError

    def refuse() -> None:
        monkeypatch.setattr("engine.base.turns.os.sched_getscheduler", refused)

    steps = refuse, lambda: take_long_turns(100), take_short_turns, monkeypatch.undo
    assert policy_after(*steps) == os.sched_getscheduler(0)
