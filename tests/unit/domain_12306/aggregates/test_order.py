"""An order decides what came first, and each step that comes too late or again changes nothing."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from domain_12306.aggregates.order import Order, State
from domain_12306.messages import (
    ORDER,
    AwaitPayment,
    Booking,
    CancelOrder,
    ExpireOrder,
    IssueTickets,
    OrderCancelled,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderRefused,
    PaymentAwaited,
    PaymentRefunded,
    PaymentReturned,
    PaymentStarted,
    PlaceOrder,
    ReceivePayment,
    RefuseOrder,
    StartPayment,
    TicketsIssued,
)
from engine import Command, Event
from engine.testing import given

NOW = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)  # eight in the morning in China
LEAVES = NOW + timedelta(hours=25)
END_OF_TIME = datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-timedelta(hours=12)))
BEGINNING_OF_TIME = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
THERE = LEAVES + timedelta(hours=3)
BOOKING = Booking("order-1", "u", "T1/2026-11-25", "O", "a", "d", ["p"], LEAVES, THERE, 3_000)
PLACED = OrderPlaced(BOOKING)
AWAITED = PaymentAwaited(3_000, NOW + timedelta(minutes=30))
PAID = OrderPaid(BOOKING.run, "r", 3_000)
AWAIT = AwaitPayment(
    "order-1", amount=3_000, pay_by=NOW + timedelta(minutes=30), run=BOOKING.run, passengers=["p"]
)
RECEIVE = ReceivePayment("order-1", receipt="r", amount=3_000)
REFUSED_PAID = (OrderRefused("sold-out", BOOKING), PaymentRefunded("r", 3_000))
REFUSED, CANCELLED = OrderRefused("sold-out"), OrderCancelled(BOOKING, held=False)

HISTORIES: dict[State, list[Event]] = {
    State.PROCESSING: [PLACED],
    State.AWAITING_PAYMENT: [PLACED, AWAITED],
    State.PAID: [PLACED, AWAITED, PAID],
    State.TICKETED: [PLACED, AWAITED, PAID, TicketsIssued()],
    State.REFUSED: [PLACED, REFUSED],
    State.CANCELLED: [PLACED, CANCELLED],
    State.EXPIRED: [PLACED, AWAITED, OrderExpired(BOOKING)],
}

Outcome = Event | tuple[Event, ...] | str | None


def unless(outcome: Outcome, **others: Outcome) -> dict[State, Outcome]:
    """The outcome in every state but these."""
    return dict.fromkeys(State, outcome) | {State[name]: other for name, other in others.items()}


STEPS: list[tuple[Command, dict[State, Outcome]]] = [
    # An event, or several: it happens. A code: it is refused. None: nothing changes.
    (AWAIT, dict.fromkeys(State, "not-wanted") | {State.PROCESSING: AWAITED}),
    (
        RECEIVE,
        unless(
            "wrong-amount",
            AWAITING_PAYMENT=PAID,
            PAID=None,
            TICKETED=None,
            EXPIRED=PaymentReturned("r", 3_000),
        ),
    ),
    (
        StartPayment("order-1"),
        unless(
            "order-closed",
            AWAITING_PAYMENT=PaymentStarted(3_000, 1),
            PAID="paid-already",
            TICKETED="paid-already",
        ),
    ),
    (IssueTickets("order-1"), dict.fromkeys(State) | {State.PAID: TicketsIssued()}),
    (
        RefuseOrder("order-1", reason="sold-out"),
        dict.fromkeys(State) | {State.PROCESSING: REFUSED, State.PAID: REFUSED_PAID},
    ),
    (
        CancelOrder("order-1"),
        dict.fromkeys(State, "too-late")
        | {
            State.PROCESSING: CANCELLED,
            State.AWAITING_PAYMENT: OrderCancelled(BOOKING, held=True),
            State.CANCELLED: None,
        },
    ),
    (ExpireOrder("order-1"), dict.fromkeys(State) | {State.AWAITING_PAYMENT: OrderExpired(BOOKING)}),
]


@pytest.mark.parametrize("state", HISTORIES, ids=lambda state: state.name)
@pytest.mark.parametrize(("command", "outcomes"), STEPS, ids=[type(one).__name__ for one, _ in STEPS])
def test_each_step_in_each_state(command: Command, outcomes: dict[State, Outcome], state: State) -> None:
    story = given(Order, *HISTORIES[state]).when(command, at=NOW)
    expected = outcomes[state]
    if isinstance(expected, str):
        story.rejected(expected)
    elif expected is None:
        story.unchanged()
    else:
        story.then(*(expected if isinstance(expected, tuple) else (expected,)))


def place(**other: Any) -> PlaceOrder:
    asked = {name: getattr(BOOKING, name) for name in Booking.__struct_fields__ if name != "order"}
    return PlaceOrder("order-1", **(asked | other))


def test_an_order_is_placed_with_all_that_is_booked() -> None:
    given(Order).when(place(), at=NOW).then(PLACED)


def test_an_order_cannot_take_the_name_of_something_else() -> None:
    asked = {name: getattr(BOOKING, name) for name in Booking.__struct_fields__ if name != "order"}
    given(Order).when(PlaceOrder("itinerary-p", **asked), at=NOW).rejected("bad-order")
    for name in (59 * "x", 48 * "🚄", "a/b", "a b", "a\n"):
        given(Order).when(PlaceOrder(ORDER + name, **asked), at=NOW).rejected("bad-order")


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"passengers": []}, "party-size"),
        ({"passengers": list("abcdef")}, "party-size"),
        ({"passengers": ["p", "p"]}, "passenger-twice"),
        ({"departs": THERE, "arrives": LEAVES}, "bad-order"),
        ({"alight": "a"}, "bad-order"),
        ({"departs": LEAVES.replace(tzinfo=None)}, "bad-order"),
        ({"departs": NOW}, "departed"),
        ({"departs": NOW + timedelta(days=15), "arrives": NOW + timedelta(days=16)}, "not-on-sale-yet"),
        ({"departs": END_OF_TIME, "arrives": END_OF_TIME + timedelta(seconds=30)}, "not-on-sale-yet"),
        ({"departs": BEGINNING_OF_TIME}, "departed"),
        ({"passengers": ["p", "张" * 64]}, "bad-token"),
        ({"passengers": ["p", "a b"]}, "bad-token"),
        ({"user": "u/1"}, "bad-token"),
        ({"run": "🚄" * 64}, "bad-order"),
        ({"user": "u\n"}, "bad-token"),
    ],
)
def test_an_order_that_makes_no_sense_or_comes_at_the_wrong_time_is_refused(
    other: dict[str, Any], code: str
) -> None:
    given(Order).when(place(**other), at=NOW).rejected(code)
