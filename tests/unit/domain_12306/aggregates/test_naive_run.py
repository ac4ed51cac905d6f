"""A train-run beside a naive model of it, which looks for free seats one by one: many random steps."""

import random

import pytest

from domain_12306.messages import ConfirmOrder, ReleaseOrder, SeatsReserved
from engine import Rejection
from tests.unit.domain_12306.kit import RUN, Counter, Naive, stations

STOPS, SEATS = 9, 12


@pytest.mark.parametrize("steps", [10_000, pytest.param(100_000, marks=pytest.mark.smoke)])
def test_a_run_does_what_a_search_seat_by_seat_does_over_many_random_steps(steps: int) -> None:
    draw, names = random.Random(12306), stations(STOPS)
    counter, naive = Counter().opened(seats=SEATS, stops=STOPS), Naive(SEATS, STOPS - 1)
    confirmed: set[str] = set()
    sold = refused = 0
    for number in range(steps):
        kind, order = draw.random(), str(number)
        known = draw.choice(list(naive.orders)) if naive.orders and draw.random() < 0.9 else "none"
        if kind < 0.55:
            i, j = sorted(draw.sample(range(STOPS), 2))
            party = draw.choice((1, 1, 1, 2, 3))
            event = counter.reserve(order, names[i], names[j], party)
            assert isinstance(event, SeatsReserved) == (naive.remaining(i, j) >= party), number
            if isinstance(event, SeatsReserved):
                naive.take(order, [seat for seat, _, _ in event.seats], i, j)
                sold += party
            else:
                refused += 1
        elif kind < 0.9:
            event = counter.do(ReleaseOrder(RUN, known))
            assert isinstance(event, Rejection) == (known not in naive.orders)
            if known in naive.orders:
                naive.give_back(known)
                confirmed.discard(known)
        else:
            event = counter.do(ConfirmOrder(RUN, known))
            assert isinstance(event, Rejection) == (known not in naive.orders or known in confirmed)
            confirmed |= {known} & {*naive.orders}
        i, j = sorted(draw.sample(range(STOPS), 2))
        assert counter.run.remaining("O", i, j) == naive.remaining(i, j), number
        counter.history.clear()
    assert sold > steps // 5
    assert refused > steps // 10
