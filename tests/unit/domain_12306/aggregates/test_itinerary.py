"""A passenger is on one train at a time, and has time to change; a naive model says the same."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from domain_12306.aggregates.itinerary import Itinerary
from domain_12306.messages import Booking, ReleaseTrip, ReserveTrip, TripReleased, TripReserved
from domain_12306.reference.stations import Stations
from engine import Rejection

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class Passenger(Itinerary):
    """One, in a country whose cities are those of the names."""

    stations = Stations()


def booking(order: str, run: str, board: str, alight: str, departs: int, arrives: int) -> Booking:
    start, end = NOON + timedelta(minutes=departs), NOON + timedelta(minutes=arrives)
    return Booking(order, "u", run, "O", board, alight, ["p"], start, end, 100)


def reserve(passenger: Passenger, asked: Booking) -> str:
    """The code of the refusal; empty if it was done."""
    decided = passenger.reserve(ReserveTrip("p", booking=asked, place=0))
    if isinstance(decided, Rejection):
        return decided.code
    assert isinstance(decided, TripReserved)
    passenger._reserved(decided)
    return ""


def test_a_trip_is_reserved_once_and_released_once() -> None:
    passenger = Passenger("p")
    asked = booking("o", "T1/x", "a", "b", 0, 60)
    assert reserve(passenger, asked) == ""
    assert passenger.reserve(ReserveTrip("p", booking=asked, place=0)) is None
    released = passenger.release(ReleaseTrip("p", order="o"))
    assert isinstance(released, TripReleased)
    passenger._released(released)
    assert passenger.release(ReleaseTrip("p", order="o")) is None
    assert passenger.trips == {}


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (("T1/x", "a", "c", 0, 30), "same-train"),
        (("T1/x", "d", "e", 90, 120), "same-train"),
        (("T1/x", "b", "e", 60, 120), ""),
        (("T2/x", "x", "y", 59, 120), "trips-overlap"),
        (("T2/x", "x", "y", -60, 1), "trips-overlap"),
        (("T2/x", "b", "y", 69, 120), "transfer-too-short"),
        (("T2/x", "b", "y", 70, 120), ""),
        (("T2/x", "x", "a", -60, -9), "transfer-too-short"),
        (("T2/x", "x", "a", -60, -10), ""),
        (("T2/x", "x", "y", 60, 120), ""),
    ],
)
def test_the_rules_beside_a_trip_from_a_to_b_of_an_hour(
    second: tuple[str, str, str, int, int], code: str
) -> None:
    passenger = Passenger("p")
    assert reserve(passenger, booking("first", "T1/x", "a", "b", 0, 60)) == ""
    assert reserve(passenger, booking("second", *second)) == code


def test_between_stations_of_one_city_it_takes_forty_minutes() -> None:
    passenger = Passenger("p")
    assert reserve(passenger, booking("1", "T1/x", "a", "长沙南", 0, 60)) == ""
    assert reserve(passenger, booking("2", "T2/x", "长沙", "b", 99, 120)) == "transfer-too-short"
    assert reserve(passenger, booking("2", "T2/x", "长沙", "b", 100, 120)) == ""


def test_journeys_that_follow_each_other_on_a_train_may_be_three_and_not_leave_a_gap() -> None:
    passenger = Passenger("p")
    journeys = {"ab": (0, 55), "bc": (60, 115), "cd": (120, 175)}
    legs = {leg: booking(leg, "T1/x", leg[0], leg[1], *times) for leg, times in journeys.items()}
    assert [reserve(passenger, legs[leg]) for leg in ("ab", "cd", "bc", "cd")] == ["", "same-train", "", ""]
    assert reserve(passenger, booking("again", "T1/x", "b", "c", 60, 115)) == "same-train"


def naive(trips: list[Booking], asked: Booking) -> bool:
    """Whether it may be, minute by minute, written without a look at the aggregate."""
    together = sorted((one for one in [*trips, asked] if one.run == asked.run), key=lambda one: one.departs)
    for place in range(1, len(together)):
        before, after = together[place - 1], together[place]
        if before.alight != after.board or before.arrives > after.departs:
            return False
    for other in trips:
        one, two = (other, asked) if other.departs < asked.departs else (asked, other)
        if other.run == asked.run:
            continue
        needed = 0
        if one.alight == two.board:
            needed = 10
        elif one.alight.rstrip("东西南北") == two.board.rstrip("东西南北"):
            needed = 40
        if (two.departs - one.arrives).total_seconds() < 60 * needed:
            return False
    return True


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.smoke) for seed in range(1, 4))]
)
def test_over_many_random_steps_a_naive_model_says_the_same(seed: int) -> None:
    draw = random.Random(seed)
    stations = ["武汉", "武汉东", "武汉西", "长沙南", "长沙北", "北京西"]
    refusals = 0
    for _ in range(500):
        passenger, trips = Passenger("p"), dict[str, Booking]()
        for number in range(50):
            if trips and draw.random() < 0.3:
                order = draw.choice(list(trips))
                released = passenger.release(ReleaseTrip("p", order=order))
                assert released is not None
                passenger._released(released)
                del trips[order]
                continue
            start = draw.randrange(0, 1200, 5)
            board, alight = draw.sample(stations, 2)
            length = draw.randrange(5, 120, 5)
            run = f"T{draw.randrange(6)}/{start // 400}"
            asked = booking(f"o{number}", run, board, alight, start, start + length)
            assert (reserve(passenger, asked) == "") == naive(list(trips.values()), asked)
            if naive(list(trips.values()), asked):
                trips[asked.order] = asked
            else:
                refusals += 1
    assert refusals > 1_000


def test_trips_of_the_past_are_let_go_and_those_that_could_still_matter_are_kept() -> None:
    passenger, day = Passenger("p"), 24 * 60
    for number in (0, 1, 15, 16):
        asked = booking(f"o{number}", f"T/{number}", "a", "b", number * day, number * day + 60)
        assert reserve(passenger, asked) == ""
    assert list(passenger.trips) == ["o0", "o1", "o15", "o16"]
    assert reserve(passenger, booking("late", "T/17", "a", "b", 17 * day + 60, 17 * day + 120)) == ""
    assert list(passenger.trips) == ["o15", "o16", "late"], "nothing was on sale when the others were over"
    assert passenger.release(ReleaseTrip("p", order="o0")) is None
