"""All money that comes in for an order is noted once under its receipt, and goes back once at most."""

from datetime import UTC, datetime, timedelta

from domain_12306.aggregates.order import Order
from domain_12306.messages import (
    Booking,
    DeclinePayment,
    OrderCancelled,
    OrderPaid,
    OrderPlaced,
    OrderRefused,
    PaymentAwaited,
    PaymentDeclined,
    PaymentRefunded,
    PaymentReturned,
    PaymentStarted,
    ReceivePayment,
    RefuseOrder,
    StartPayment,
)
from engine.testing import given

BY = datetime(2026, 11, 24, tzinfo=UTC)
LEAVES = BY + timedelta(hours=25)
THERE = LEAVES + timedelta(hours=3)
BOOKING = Booking("order-1", "u", "T1/2026-11-25", "O", "a", "d", ["p"], LEAVES, THERE, 3_000)
PLACED, AWAITED = OrderPlaced(BOOKING), PaymentAwaited(3_000, BY)
PAID = OrderPaid(BOOKING.run, "r", 3_000)


def received(receipt: str, amount: int = 3_000) -> ReceivePayment:
    return ReceivePayment("order-1", receipt=receipt, amount=amount)


def test_the_first_money_pays_the_order_and_other_money_goes_back() -> None:
    story = given(Order, PLACED, AWAITED).when(received("r")).then(PAID).when(received("r")).unchanged()
    story = story.when(received("s")).then(PaymentReturned("s", 3_000))
    story.when(received("s")).unchanged().when(received("r")).unchanged()


def test_another_amount_is_not_taken() -> None:
    given(Order, PLACED, AWAITED).when(received("r", 2_999)).rejected("wrong-amount")
    given(Order, PLACED).when(received("r", 0)).rejected("wrong-amount")


def test_money_that_comes_too_late_goes_back() -> None:
    story = given(Order, PLACED, AWAITED, OrderCancelled(BOOKING, held=True))
    story.when(received("r")).then(PaymentReturned("r", 3_000)).when(received("r")).unchanged()


def test_the_money_of_an_order_that_cannot_be_had_goes_back_once() -> None:
    story = given(Order, PLACED, AWAITED).when(received("r")).then(PAID)
    story = story.when(RefuseOrder("order-1", reason="run-not-open"))
    story = story.then(OrderRefused("run-not-open", BOOKING), PaymentRefunded("r", 3_000))
    story = story.when(RefuseOrder("order-1", reason="run-not-open")).unchanged()
    story.when(received("r")).unchanged()


def test_the_provider_is_asked_once_until_it_says_no_or_the_money_is_there() -> None:
    early = BY - timedelta(minutes=1)
    story = given(Order, PLACED, AWAITED).when(StartPayment("order-1"), at=early)
    story = story.then(PaymentStarted(3_000, 1)).when(StartPayment("order-1"), at=early).unchanged()
    for found in (PaymentDeclined(1, "no"), None):
        story = story.when(DeclinePayment("order-1", attempt=1, reason="no"))
        story = story.unchanged() if found is None else story.then(found)
    story = story.when(StartPayment("order-1"), at=early).then(PaymentStarted(3_000, 2))
    story = story.when(DeclinePayment("order-1", attempt=1, reason="late")).unchanged()
    story.when(received("r")).then(PAID).when(StartPayment("order-1")).rejected("paid-already")


def test_after_the_time_to_pay_the_provider_is_not_asked() -> None:
    given(Order, PLACED, AWAITED).when(StartPayment("order-1"), at=BY).rejected("time-to-pay-over")
