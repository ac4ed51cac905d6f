"""A train-run holds seats for a booking only if the booking says of it what is true."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from domain_12306.aggregates.train_run import TrainRun
from domain_12306.messages import (
    Booking,
    HoldSeats,
    OpenRun,
    ReceivePayment,
    RunOpened,
    SeatsHeld,
    SeatsReserved,
)
from domain_12306.reference.timetable import MAX_FARE_FEN, fare_between
from domain_12306.rules.times import moment
from domain_12306.seating.policy import policy_named
from domain_12306.seating.seats import CLASS_NAMES
from engine.testing import given
from tests.unit.domain_12306.kit import DATE

STOPS = [("a", 540, 540), ("b", 600, 605), ("c", 660, 660)]
FARES: dict[str, list[int | None]] = {"O": [0, 1_000, 1_050], "M": [0, 2_000, None]}
OPENED = RunOpened("T1", DATE, STOPS, [(1, "O", 2), (2, "M", 2)], FARES)
RUN = f"T1/{DATE}"
BOOKING = Booking("o", "u", RUN, "O", "a", "c", ["p"], moment(DATE, 540), moment(DATE, 660), 1_050)
BEFORE = moment(DATE, 0)


class Run(TrainRun):
    """One that takes the seat that fits best."""

    __slots__ = ()

    policy = policy_named("best-fit")


def changed(**other: Any) -> HoldSeats:
    return HoldSeats(RUN, booking=msgspec.structs.replace(BOOKING, **other))


def test_seats_are_held_at_the_fare_of_each_passenger() -> None:
    booking = msgspec.structs.replace(BOOKING, passengers=["p", "q"])
    reserved = SeatsReserved("o", "O", 0, 2, [(0, 0, 2), (1, 0, 2)], ["p", "q"])
    story = given(Run, OPENED).when(HoldSeats(RUN, booking=booking), at=BEFORE)
    story.then(reserved, SeatsHeld("o", ["p", "q"], booking.departs, 2_100))


def test_a_journey_costs_one_yuan_at_least_and_first_class_more_than_its_table() -> None:
    short = changed(board="b", departs=moment(DATE, 605), fare=100)
    given(Run, OPENED).when(short, at=BEFORE).then(
        SeatsReserved("o", "O", 1, 2, [(0, 0, 2)], ["p"]), SeatsHeld("o", ["p"], short.booking.departs, 100)
    )
    first = changed(seat_class="M", alight="b", arrives=moment(DATE, 600), fare=3_200)
    given(Run, OPENED).when(first, at=BEFORE).then(
        SeatsReserved("o", "M", 0, 1, [(0, 0, 2)], ["p"]), SeatsHeld("o", ["p"], first.booking.departs, 3_200)
    )


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"departs": moment(DATE, 539)}, "times-differ"),
        ({"arrives": moment(DATE, 661)}, "times-differ"),
        ({"fare": 1_049}, "fare-differs"),
        ({"seat_class": "M", "fare": 100}, "fare-differs"),
        ({"board": "x"}, "unknown-stop"),
        ({"seat_class": "9"}, "class-not-on-train"),
        ({"passengers": ["p", "q", "r"]}, "sold-out"),
    ],
)
def test_what_is_not_true_of_the_train_is_refused(other: dict[str, Any], code: str) -> None:
    given(Run, OPENED).when(changed(**other), at=BEFORE).rejected(code)


def test_a_train_that_has_left_is_not_sold() -> None:
    just = BOOKING.departs - timedelta(seconds=1)
    given(Run, OPENED).when(changed(), at=BOOKING.departs).rejected("departed")
    given(Run, OPENED).when(changed(), at=just).then(
        SeatsReserved("o", "O", 0, 2, [(0, 0, 2)], ["p"]), SeatsHeld("o", ["p"], BOOKING.departs, 1_050)
    )


@pytest.mark.parametrize("fares", [[0, 1], [0, 5, -1], [0, 5, MAX_FARE_FEN + 1], [0, 5, 1 << 70]])
def test_fares_that_do_not_fit_the_stops_or_a_payment_are_refused(fares: list[int | None]) -> None:
    command = OpenRun(RUN, composition=[(1, "O", 2)], stops=STOPS, fares={"O": fares})
    given(Run).when(command, at=BEFORE).rejected("bad-fares")


def test_the_dearest_journey_of_the_largest_party_can_be_paid() -> None:
    dearest = max(fare_between({code: [0, MAX_FARE_FEN]}, code, 0, 1) or 0 for code in CLASS_NAMES)
    decoded = msgspec.json.encode(ReceivePayment("order-1", receipt="r", amount=5 * dearest))
    assert msgspec.json.decode(decoded, type=ReceivePayment).amount == 5 * dearest
