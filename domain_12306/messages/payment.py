"""Commands and events of a payment: what is due for an order, what came in, what went back.

An aggregate's id is `pay-<order>`.

The booking process sends `RequestPayment` and `RefundPayment`, a user `StartPayment`, and the worker that
asks the provider `ReceivePayment` and `DeclinePayment`.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from domain_12306.messages.booking import Fen
from domain_12306.messages.train_run import OrderId
from engine import Command, Event

ReceiptId = Annotated[str, Meta(min_length=1, max_length=64)]
"""The provider's own name for a payment, by which it is known when it is reported twice."""


def payment_of(order: str) -> str:
    """The payment of an order."""
    return f"pay-{order}"


class RequestPayment(Command, name="payment.request"):
    """So much is due until then."""

    order: OrderId
    amount: Fen
    pay_by: datetime


class StartPayment(Command, name="payment.start", rejects=("paid-already", "time-to-pay-over")):
    """The user pays: the provider is asked."""


class DeclinePayment(Command, name="payment.decline"):
    """The provider says no to an attempt. The user may try again."""

    attempt: int
    reason: Annotated[str, Meta(max_length=64)]


class ReceivePayment(Command, name="payment.receive", rejects=("wrong-amount",)):
    """Money has come in, in time or not: it is here, so it is noted."""

    receipt: ReceiptId
    amount: Fen


class RefundPayment(Command, name="payment.refund"):
    """What came in under this receipt goes back."""

    receipt: ReceiptId


class PaymentRequested(Event, name="payment.requested"):
    """The provider may ask for it."""

    order: str
    amount: int
    pay_by: datetime


class PaymentStarted(Event, name="payment.started"):
    """The provider is asked, for the `attempt`-th time."""

    order: str
    amount: int
    attempt: int


class PaymentDeclined(Event, name="payment.declined"):
    """The provider has said no."""

    order: str
    attempt: int
    reason: str


class PaymentReceived(Event, name="payment.received"):
    """Money has come in."""

    order: str
    receipt: str
    amount: int


class PaymentRefunded(Event, name="payment.refunded"):
    """It has gone back."""

    order: str
    receipt: str
    amount: int
