"""The train-run: golden cases, every refusal, orders through their life, and long random histories."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain_12306.aggregates.train_run import TrainRun
from domain_12306.messages import (
    ConfirmOrder,
    OpenRun,
    OrderConfirmed,
    ReleaseOrder,
    ReserveSeats,
    RunOpened,
    SeatsReleased,
    SeatsReserved,
)
from domain_12306.rules.rejections import REJECTIONS
from domain_12306.workload.audit import audit
from engine import Event
from tests.unit.domain_12306.kit import DATE, RUN, Counter, Naive, stations


def test_a_thousand_seats_serve_a_thousand_long_journeys_or_three_thousand_short_ones() -> None:
    long, short = Counter().opened(1000), Counter().opened(1000)
    for k in range(1000):
        assert isinstance(long.reserve(f"o{k}", "a", "d"), SeatsReserved)
    assert long.refused(ReserveSeats(RUN, "late", "O", "b", "c", ["p"])) == "sold-out"
    for leg in ("ab", "bc", "cd"):
        for k in range(1000):
            assert isinstance(short.reserve(f"{leg}{k}", *leg), SeatsReserved)
    assert short.refused(ReserveSeats(RUN, "late", "O", "b", "c", ["p"])) == "sold-out"


def test_best_fit_from_the_start_keeps_two_of_three_seats_whole() -> None:
    counter = Counter().opened(3)
    for leg in ("ab", "bc", "cd"):
        counter.reserve(leg, *leg)
    assert counter.run.remaining("O", 0, 3) == 2
    assert {event.seats[0][0] for event in counter.history[1:]} == {0}  # type: ignore[attr-defined]


def test_three_seats_sold_on_three_legs_leave_none_for_the_whole_way() -> None:
    """Counters per segment would say 2. Worst fit is what sells the legs on three seats."""
    counter = Counter(policy="worst-fit").opened(3)
    for leg in ("ab", "bc", "cd"):
        counter.reserve(leg, *leg)
    assert [event.seats[0][0] for event in counter.history[1:]] == [0, 1, 2]  # type: ignore[attr-defined]
    assert [counter.run.remaining("O", k, k + 1) for k in range(3)] == [2, 2, 2]
    assert counter.run.remaining("O", 0, 3) == 0
    assert counter.refused(ReserveSeats(RUN, "far", "O", "a", "d", ["p"])) == "sold-out"


def test_an_event_tells_the_seat_and_the_gap_that_it_was_cut_from() -> None:
    counter = Counter().opened(2, stops=5)
    assert counter.reserve("1", "b", "c").seats == [(0, 0, 4)]
    assert counter.reserve("2", "d", "e").seats == [(0, 2, 4)]
    assert counter.reserve("3", "a", "b").seats == [(0, 0, 1)]
    released = counter.do(ReleaseOrder(RUN, "1"))
    assert released == SeatsReleased("1", "O", 1, 2, [(0, 1, 3)])


def test_a_party_sits_in_one_row_else_in_one_coach_else_anywhere() -> None:
    counter = Counter().opened(coaches=[(1, "O", 7), (2, "O", 5)])
    assert [seat for seat, _, _ in counter.reserve("pair", "a", "d", 2).seats] == [0, 1]
    assert [seat for seat, _, _ in counter.reserve("four", "a", "d", 4).seats] == [7, 8, 9, 10]
    assert [seat for seat, _, _ in counter.reserve("coach", "a", "d", 4).seats] == [2, 3, 4, 5]
    assert [seat for seat, _, _ in counter.reserve("apart", "a", "d", 2).seats] == [6, 11]
    assert counter.refused(ReserveSeats(RUN, "more", "O", "a", "d", ["p"])) == "sold-out"


def test_a_party_gets_all_its_seats_or_none() -> None:
    counter = Counter().opened(4)
    assert counter.refused(ReserveSeats(RUN, "5", "O", "a", "d", list("vwxyz"))) == "sold-out"
    assert len(counter.reserve("4", "a", "d", 4).seats) == 4
    released = counter.do(ReleaseOrder(RUN, "4"))
    assert released.seats == [(0, 0, 3), (1, 0, 3), (2, 0, 3), (3, 0, 3)]
    assert counter.run.remaining("O", 0, 3) == 4


def test_an_order_is_held_then_confirmed_then_released() -> None:
    counter = Counter().opened(10)
    counter.reserve("one", "a", "b")
    counter.reserve("two", "a", "c", 2)
    counter.do(ConfirmOrder(RUN, "two"))
    assert counter.do(ConfirmOrder(RUN, "one")) == OrderConfirmed("one")
    assert counter.refused(ConfirmOrder(RUN, "one")) == "already-confirmed"
    assert counter.refused(ConfirmOrder(RUN, "two")) == "already-confirmed"
    found = audit(counter.history)
    assert (found.classes["O"].sold, found.classes["O"].held) == ([3, 2, 0], [0, 0, 0])
    counter.do(ReleaseOrder(RUN, "two"))
    counter.do(ReleaseOrder(RUN, "one"))
    assert counter.refused(ReleaseOrder(RUN, "one")) == "unknown-order"
    assert counter.refused(ConfirmOrder(RUN, "one")) == "unknown-order"
    assert counter.run.remaining("O", 0, 3) == 10


def test_opening_takes_stops_and_coaches_from_the_reference_data() -> None:
    counter = Counter(f"G1/{DATE}")
    event = counter.do(OpenRun(f"G1/{DATE}"))
    assert (event.train, event.date, event.stops[0][0]) == ("G1", DATE, "北京南")
    assert sum(seats for _, _, seats in event.coaches) == 576
    event = Counter(f"G1/{DATE}").do(OpenRun(f"G1/{DATE}", composition="CR400AF-B"))
    assert sum(seats for _, _, seats in event.coaches) == 1283


STOPS = [("a", 0, 0), ("b", 5, 6)]
COACH: list[tuple[int, str, int]] = [(1, "O", 5)]


@pytest.mark.parametrize(
    ("name", "composition", "stops", "code"),
    [
        ("G1", None, None, "bad-run-id"),
        (f"/{DATE}", None, None, "bad-run-id"),
        ("G1/2026-02-30", None, None, "bad-run-id"),
        ("G1/20261123", None, None, "bad-run-id"),
        ("G1/0001-01-01", None, None, "bad-run-id"),
        ("G1/9999-12-31", None, None, "bad-run-id"),
        (f"G0/{DATE}", None, None, "unknown-train"),
        (f"G1/{DATE}", "CR999", None, "unknown-composition"),
        (f"G1/{DATE}", "", None, "unknown-composition"),
        (f"G1/{DATE}", [], None, "bad-composition"),
        (f"G1/{DATE}", [(0, "O", 5)], None, "bad-composition"),
        (f"G1/{DATE}", [(1, "W", 5)], None, "bad-composition"),
        (f"G1/{DATE}", [(1, "O", 0)], None, "bad-composition"),
        (f"G1/{DATE}", [(1, "O", 5), (1, "O", 5)], None, "bad-composition"),
        (f"G1/{DATE}", [(k, "O", 400) for k in range(1, 12)], None, "bad-composition"),
        (f"G1/{DATE}", COACH, STOPS[:1], "bad-stops"),
        (f"G1/{DATE}", COACH, [*STOPS, ("a", 9, 9)], "bad-stops"),
        (f"G1/{DATE}", COACH, [*STOPS, ("", 9, 9)], "bad-stops"),
        (f"G1/{DATE}", COACH, [*STOPS, ("c", 3, 9)], "bad-stops"),
        (f"G1/{DATE}", COACH, [*STOPS, ("c", 9, 8)], "bad-stops"),
        (f"G1/{DATE}", COACH, [(str(k), k, k) for k in range(64)], "bad-stops"),
    ],
)
def test_an_opening_that_makes_no_train_is_refused(
    name: str, composition: Any, stops: Any, code: str
) -> None:
    assert Counter(name).refused(OpenRun(name, composition=composition, stops=stops)) == code


@pytest.mark.parametrize(
    ("seat_class", "board", "alight", "passengers", "code"),
    [
        ("O", "a", "x", ["p"], "unknown-stop"),
        ("O", "", "a", ["p"], "unknown-stop"),
        ("O", "b", "a", ["p"], "from-not-before-to"),
        ("O", "b", "b", ["p"], "from-not-before-to"),
        ("9", "a", "b", ["p"], "class-not-on-train"),
        ("W", "a", "b", ["p"], "class-not-on-train"),
        ("", "a", "b", ["p"], "class-not-on-train"),
        ("O", "a", "b", [], "party-size"),
        ("O", "a", "b", list("123456"), "party-size"),
        ("O", "a", "b", ["p", "q", "p"], "passenger-twice"),
        ("O", "a", "b", list("1234"), "sold-out"),
    ],
)
def test_a_reservation_that_cannot_be_is_refused(
    seat_class: str, board: str, alight: str, passengers: list[str], code: str
) -> None:
    counter = Counter().opened(3)
    before = len(counter.history)
    assert counter.refused(ReserveSeats(RUN, "o", seat_class, board, alight, passengers)) == code
    assert len(counter.history) == before
    assert counter.run.remaining("O", 0, 3) == 3


def test_an_order_has_seats_once() -> None:
    counter = Counter().opened(3)
    counter.reserve("o", "a", "b")
    assert counter.refused(ReserveSeats(RUN, "o", "O", "b", "c", ["p"])) == "order-exists"


@pytest.mark.parametrize(
    "command", [ReserveSeats(RUN, "o", "O", "a", "b", ["p"]), ConfirmOrder(RUN, "o"), ReleaseOrder(RUN, "o")]
)
def test_nothing_can_be_asked_of_a_run_that_is_not_open(command: Any) -> None:
    assert Counter().refused(command) == "run-not-open"


def test_every_code_in_the_table_is_provoked_here() -> None:
    folder = Path(__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("test_*.py")))
    assert [code for code in REJECTIONS if f'"{code}"' not in source] == []


def test_a_run_whose_neighbour_sells_keeps_its_own_seats() -> None:
    """Untouched runs share their state with each other."""
    first, second = Counter().opened(3), Counter("T2/2026-11-24").opened(3)
    assert first.run.plan is second.run.plan
    first.reserve("o", "a", "d")
    assert (first.run.remaining("O", 0, 3), second.run.remaining("O", 0, 3)) == (2, 3)
    assert Counter().opened(3).run.remaining("O", 0, 3) == 3


def state(run: TrainRun) -> Any:
    slots = [(s.capacity, s.present, s.seats, [*s.taken]) for s in run._classes]
    return run.plan.stops, run.plan.coaches, slots, run._orders


actions = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 99), st.integers(0, 99), st.integers(1, 5)), max_size=60
)


@settings(max_examples=400, deadline=None)
@given(
    seats=st.integers(1, 14),
    stops=st.integers(2, 8),
    actions=actions,
    policy=st.sampled_from(["best-fit", "first-fit", "worst-fit", "random:3"]),
)
def test_any_history_keeps_the_rules_and_replays_to_the_same_state(
    seats: int, stops: int, actions: list[tuple[int, int, int, int]], policy: str
) -> None:
    counter = Counter(policy=policy).opened(seats, stops)
    naive, names = Naive(seats, stops - 1), stations(stops)
    for number, (kind, x, y, party) in enumerate(actions):
        orders = list(naive.orders)
        if kind < 3 and orders:
            order = orders[x % len(orders)]
            naive.give_back(order)
            event = counter.do(ReleaseOrder(RUN, order))
            assert [(start, end) for _, start, end in event.seats] == [
                naive.gap(seat, event.board, event.alight) for seat, _, _ in event.seats
            ]
        elif kind == 3 and orders:
            counter.do(ConfirmOrder(RUN, orders[x % len(orders)]))
        else:
            i = x % (stops - 1)
            j = i + 1 + y % (stops - 1 - i)
            free = naive.remaining(i, j)
            event = counter.reserve(str(number), names[i], names[j], party)
            # never refused while single seats are free for all, whatever the policy
            assert isinstance(event, SeatsReserved) == (free >= party)
            if free >= party:
                if policy == "best-fit" and party == 1:
                    assert event.seats == [naive.best(i, j)]
                naive.take(str(number), [seat for seat, _, _ in event.seats], i, j)
    assert audit(counter.history).broken == []

    stored = [json.loads(msgspec.json.encode(event)) for event in counter.history]
    decoder = msgspec.json.Decoder(list[RunOpened | SeatsReserved | OrderConfirmed | SeatsReleased])
    events: list[Event] = [*decoder.decode(msgspec.json.encode(stored))]
    again = Counter(policy=policy)
    for event in events:
        again.app.appliers[type(event)][1](again.run, event)
    assert state(again.run) == state(counter.run)
