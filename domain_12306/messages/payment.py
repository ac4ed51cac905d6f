"""Commands and events of the money of an order: what came in, what went back.

They are of the order, which alone decides what came first: the money, or something after which it is not
wanted any more. A user sends `StartPayment`, and the worker that asks the provider the other two.
"""

from typing import Annotated

from msgspec import Meta

from domain_12306.messages.booking import Fen
from engine import Command, Event

ReceiptId = Annotated[str, Meta(min_length=1, max_length=64)]
"""The provider's own name for a payment, by which it is known when it is reported twice."""


class StartPayment(
    Command, name="payment.start", rejects=("paid-already", "time-to-pay-over", "order-closed")
):
    """The user pays: the provider is asked."""


class DeclinePayment(Command, name="payment.decline"):
    """The provider says no to an attempt. The user may try again."""

    attempt: int
    reason: Annotated[str, Meta(max_length=64)]


class ReceivePayment(Command, name="payment.receive", rejects=("wrong-amount",)):
    """Money has come in, in time or not: it is here, so it is noted."""

    receipt: ReceiptId
    amount: Fen


class PaymentStarted(Event, name="payment.started"):
    """The provider is asked, for the `attempt`-th time."""

    amount: int
    attempt: int


class PaymentDeclined(Event, name="payment.declined"):
    """The provider has said no."""

    attempt: int
    reason: str


class PaymentReturned(Event, name="payment.returned"):
    """Money came in too late, or twice, and goes back."""

    receipt: str
    amount: int


class PaymentRefunded(Event, name="payment.refunded"):
    """What the order was paid with goes back."""

    receipt: str
    amount: int
