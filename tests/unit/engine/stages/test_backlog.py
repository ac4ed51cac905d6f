"""How much may wait for a partition follows from how fast it is."""

from collections.abc import Callable

import pytest

from engine.stages.backlog import ENOUGH, LOOK_S, UNKNOWN_RATE, Backlog

WAIT_S = 0.1
SECONDS = 3.0
STEP_S = 0.001
BATCH = 10


class Load:
    """A backlog to which clients send whatever it takes, and a node that does so many commands a second."""

    def __init__(self, wait_s: float = WAIT_S) -> None:
        self.backlog = Backlog(wait_s)
        self.now = self.done = 0.0
        self.sent = 0

    def go(
        self, rate: Callable[[float], float], seconds: float, offered: float = float("inf")
    ) -> list[int]:
        """What waited after each step."""
        waited: list[int] = []
        until = self.now + seconds
        while self.now < until:
            due = min(offered * STEP_S, 1e9)
            while due >= BATCH and self.backlog.has_room(flying=10**9, clients=1):
                self.sent += BATCH
                due -= BATCH
                self.backlog.admitted(BATCH)
                self.backlog.given(self.sent, BATCH)
            self.done = min(self.sent, self.done + rate(self.now) * STEP_S)
            self.now += STEP_S
            self.backlog.look(int(self.done), self.now)
            waited.append(self.backlog.waiting)
        return waited


@pytest.mark.parametrize("rate", [15_000, 60_000, 400_000])
def test_no_more_waits_than_is_done_in_the_longest_wait(rate: float) -> None:
    waited = Load().go(lambda now: rate, SECONDS)
    assert all(0.8 < some / (rate * WAIT_S) < 1.2 for some in waited[len(waited) // 3 :])
    assert max(waited) <= max(UNKNOWN_RATE, rate) * WAIT_S * 1.2, "nor before it is known how fast that is"


def test_a_node_that_becomes_slow_is_noticed_within_moments() -> None:
    load = Load()
    load.go(lambda now: 200_000, SECONDS)
    waited = load.go(lambda now: 15_000, SECONDS)
    assert all(some < 1.2 * 15_000 * WAIT_S for some in waited[len(waited) // 2 :])


def test_a_node_that_becomes_fast_is_noticed_too() -> None:
    load = Load()
    load.go(lambda now: 1_000, SECONDS)
    assert load.backlog.most == ENOUGH
    waited = load.go(lambda now: 200_000, SECONDS)
    assert waited[-1] > 0.8 * 200_000 * WAIT_S


def test_a_node_with_little_to_do_does_not_seem_slow() -> None:
    load = Load()
    load.go(lambda now: 200_000, SECONDS, offered=10_000)
    assert load.backlog.most == UNKNOWN_RATE * WAIT_S


def test_a_pause_does_not_close_it_for_good() -> None:
    load = Load()
    load.go(lambda now: 200_000, SECONDS)
    assert min(load.go(lambda now: 0, SECONDS)) >= ENOUGH
    waited = load.go(lambda now: 200_000, SECONDS)
    assert waited[-1] > 0.8 * 200_000 * WAIT_S


def test_who_has_less_in_flight_than_its_share_is_let_in_for_longer() -> None:
    backlog = Backlog(WAIT_S)
    share = int(backlog.most / 10)
    backlog.admitted(int(backlog.most))
    assert not backlog.has_room(flying=share, clients=10)
    assert backlog.has_room(flying=share - 1, clients=10)
    backlog.admitted(int(backlog.most))
    assert not backlog.has_room(flying=0, clients=10), "but not for ever"


def test_what_is_turned_away_does_not_wait() -> None:
    backlog = Backlog(WAIT_S)
    backlog.admitted(7)
    backlog.turned_away(7)
    assert backlog.waiting == 0


def test_answers_that_a_dead_process_took_with_it_do_not_fill_it() -> None:
    backlog = Backlog(WAIT_S)
    for number in range(1, 1001):
        backlog.admitted(5)
        backlog.given(5 * number, 5)
    backlog.look(5 * 1000, LOOK_S)
    assert backlog.waiting == 0


def test_without_a_longest_wait_everything_may_wait() -> None:
    load = Load(wait_s=0.0)
    load.go(lambda now: 10, 0.1, offered=1_000_000)
    assert load.backlog.has_room(flying=10**9, clients=1)
