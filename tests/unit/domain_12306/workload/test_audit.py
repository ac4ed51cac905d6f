"""The audit finds each way in which a history can break the rules."""

import pytest

from domain_12306.messages import OrderConfirmed, ReleaseOrder, RunOpened, SeatsReleased, SeatsReserved
from domain_12306.workload.audit import audit
from engine import Event
from tests.unit.domain_12306.kit import DATE, RUN, Counter

OPENED = RunOpened("T1", DATE, [("a", 0, 0), ("b", 1, 1), ("c", 2, 2)], [(1, "O", 2)])


def sale(order: str, i: int, j: int, *seats: tuple[int, int, int]) -> SeatsReserved:
    return SeatsReserved(order, "O", i, j, list(seats), [f"{order}{k}" for k in range(len(seats))])


def test_a_sound_history_counts_held_sold_and_free() -> None:
    counter = Counter().opened(4)
    counter.reserve("x", "a", "c", 2)
    counter.reserve("y", "b", "d")
    counter.do(ReleaseOrder(RUN, "x"))
    found = audit(counter.history)
    assert (found.broken, found.orders) == ([], 1)
    assert (found.classes["O"].held, found.classes["O"].free) == ([0, 1, 1], [4, 3, 3])


@pytest.mark.parametrize(
    ("events", "word"),
    [
        ([sale("x", 0, 2, (0, 0, 2)), sale("y", 1, 2, (0, 1, 2))], "sold to x and y"),
        ([sale("x", 0, 1, (0, 0, 1))], "has the gap 0..2"),
        ([sale("x", 0, 1, (2, 0, 2))], "which is none"),
        ([sale("x", 1, 1, (0, 0, 2))], "goes from 1 to 1"),
        ([sale("x", 0, 3, (0, 0, 3))], "goes from 0 to 3"),
        ([sale("x", 0, 1, (0, 0, 2)), sale("x", 1, 2, (0, 1, 2))], "reserved twice"),
        ([SeatsReserved("x", "O", 0, 1, [(0, 0, 2)], ["p", "q"])], "2 passengers, 1 seats"),
        ([OrderConfirmed("x")], "without being held"),
        ([sale("x", 0, 1, (0, 0, 2)), OrderConfirmed("x"), OrderConfirmed("x")], "without being held"),
        ([SeatsReleased("x", "O", 0, 1, [(0, 0, 2)])], "did not have"),
        ([sale("x", 0, 1, (0, 0, 2)), SeatsReleased("x", "O", 0, 1, [(1, 0, 2)])], "did not have"),
        ([sale("x", 0, 1, (0, 0, 2)), SeatsReleased("x", "O", 0, 1, [(0, 0, 1)])], "release of x"),
        ([OPENED], "opened twice"),
    ],
)
def test_a_broken_rule_is_named(events: list[Event], word: str) -> None:
    assert word in "\n".join(audit([OPENED, *events]).broken)


def test_a_seat_sold_twice_leaves_a_sum_that_is_not_the_capacity() -> None:
    found = audit([OPENED, sale("x", 0, 2, (0, 0, 2)), sale("y", 1, 2, (0, 1, 2))])
    assert found.broken[-1] == "class O, segment 1: 2 held, 0 sold, 1 free of 2"
