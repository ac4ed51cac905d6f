"""All money that comes in is noted once under its receipt, and goes back once at most."""

from datetime import UTC, datetime

from domain_12306.aggregates.payment import Payment
from domain_12306.messages import (
    PaymentReceived,
    PaymentRefunded,
    PaymentRequested,
    ReceivePayment,
    RefundPayment,
    RequestPayment,
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
