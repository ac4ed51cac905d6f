"""All money that comes in is noted once under its receipt, and goes back once at most."""

from datetime import UTC, datetime, timedelta

from domain_12306.aggregates.payment import Payment
from domain_12306.messages import (
    DeclinePayment,
    PaymentDeclined,
    PaymentReceived,
    PaymentRefunded,
    PaymentRequested,
    PaymentStarted,
    ReceivePayment,
    RefundPayment,
    RequestPayment,
    StartPayment,
)
from engine.testing import given

BY = datetime(2026, 11, 24, tzinfo=UTC)
REQUESTED = PaymentRequested("o", 3_000, BY)
RECEIVED = PaymentReceived("o", "r", 3_000)


def test_what_is_due_is_said_once() -> None:
    request = RequestPayment("pay-o", order="o", amount=3_000, pay_by=BY)
    story = given(Payment).when(request).then(REQUESTED)
    story.when(RequestPayment("pay-o", order="o", amount=1, pay_by=BY)).unchanged()


def test_money_is_noted_once_for_each_receipt() -> None:
    story = given(Payment, REQUESTED).when(ReceivePayment("pay-o", receipt="r", amount=3_000)).then(RECEIVED)
    story.when(ReceivePayment("pay-o", receipt="r", amount=3_000)).unchanged()
    story.when(ReceivePayment("pay-o", receipt="s", amount=3_000)).then(PaymentReceived("o", "s", 3_000))


def test_another_amount_is_not_taken() -> None:
    story = given(Payment, REQUESTED).when(ReceivePayment("pay-o", receipt="r", amount=2_999))
    story.rejected("wrong-amount")


def test_money_goes_back_once_and_only_if_it_came_in() -> None:
    story = given(Payment, REQUESTED, RECEIVED).when(RefundPayment("pay-o", receipt="s")).unchanged()
    story.when(RefundPayment("pay-o", receipt="r")).then(PaymentRefunded("o", "r", 3_000))
    story.when(RefundPayment("pay-o", receipt="r")).unchanged()


def test_the_provider_is_asked_once_until_it_says_no_or_the_money_is_there() -> None:
    story = given(Payment, REQUESTED).when(StartPayment("pay-o"), at=BY - timedelta(minutes=1))
    story = story.then(PaymentStarted("o", 3_000, 1)).when(StartPayment("pay-o")).unchanged()
    story = story.when(DeclinePayment("pay-o", attempt=1, reason="no")).then(PaymentDeclined("o", 1, "no"))
    story = story.when(DeclinePayment("pay-o", attempt=1, reason="no")).unchanged()
    story = story.when(StartPayment("pay-o")).then(PaymentStarted("o", 3_000, 2))
    story = story.when(DeclinePayment("pay-o", attempt=1, reason="late")).unchanged()
    story = story.when(ReceivePayment("pay-o", receipt="r", amount=3_000)).then(RECEIVED)
    story.when(StartPayment("pay-o")).rejected("paid-already")


def test_after_the_time_to_pay_the_provider_is_not_asked() -> None:
    given(Payment, REQUESTED).when(StartPayment("pay-o"), at=BY).rejected("time-to-pay-over")
