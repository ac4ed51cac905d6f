"""Commands (what can be wished for) and events (what can have happened). Amounts are whole cents.

Buyers send `PlaceOrder`, `CancelOrder` and `Pay`, the shop sends `PutOnSale`, the checkout everything else.
"""

from datetime import datetime

from engine import Command, Event

# ------------------------------------------------------------------ articles


class PutOnSale(Command, name="article.put-on-sale", rejects=("bad-sale",)):
    """Puts units on sale at this price each; a buyer who has reserved must pay within this time."""

    units: int
    price: int
    pay_within_s: float = 900.0


class Reserve(Command, name="article.reserve", rejects=("held-already", "sold-out")):
    """Holds units for an order."""

    order: str
    units: int


class Release(Command, name="article.release"):
    """Gives up what is held for an order."""

    order: str


class Sell(Command, name="article.sell", rejects=("not-held",)):
    """Hands out what is held for an order."""

    order: str


class WentOnSale(Event, name="article.went-on-sale"):
    """It can be ordered."""

    units: int
    price: int
    pay_within_s: float


class UnitsReserved(Event, name="article.units-reserved"):
    """Units are held for this order, which costs `amount` and must be paid by `pay_by_ns`."""

    order: str
    units: int
    amount: int
    pay_by: datetime


class UnitsReleased(Event, name="article.units-released"):
    """Units held for this order are free again."""

    order: str
    units: int


class UnitsSold(Event, name="article.units-sold"):
    """Units were handed out for this order."""

    order: str
    units: int


# ------------------------------------------------------------------ orders


class PlaceOrder(Command, name="order.place", rejects=("bad-order",)):
    """A buyer wants units of an article."""

    article: str
    units: int = 1


class AwaitPayment(Command, name="order.await-payment", rejects=("not-wanted",)):
    """Units are held for it; now it waits for its money."""

    article: str
    amount: int
    pay_by: datetime


class AcceptPayment(Command, name="order.accept-payment", rejects=("order-closed",)):
    """Its money has come."""


class CompleteOrder(Command, name="order.complete"):
    """Its units were handed out."""


class RejectOrder(Command, name="order.reject"):
    """There is nothing left for it."""

    reason: str


class CancelOrder(Command, name="order.cancel", rejects=("too-late",)):
    """The buyer has changed their mind."""


class ExpireOrder(Command, name="order.expire"):
    """The time to pay is over."""


class OrderPlaced(Event, name="order.placed"):
    """It is being processed."""

    article: str
    units: int


class OrderReserved(Event, name="order.reserved"):
    """It waits for its money."""

    amount: int
    pay_by: datetime


class OrderPaid(Event, name="order.paid"):
    """It is paid, or cost nothing."""

    article: str


class OrderCompleted(Event, name="order.completed"):
    """It is over, and its units were handed out."""


class OrderRejected(Event, name="order.rejected"):
    """It is over. `paid`: money has to go back."""

    reason: str
    paid: bool


class OrderCancelled(Event, name="order.cancelled"):
    """It is over. `held`: units are held for it."""

    article: str
    held: bool


class OrderExpired(Event, name="order.expired"):
    """It is over, because it was not paid in time."""

    article: str


# ------------------------------------------------------------------ payments


class RequestPayment(Command, name="payment.request"):
    """Opens the till for an order."""

    order: str
    amount: int


class Pay(Command, name="payment.pay", rejects=("refunded",)):
    """The buyer pays."""


class Refund(Command, name="payment.refund"):
    """The buyer gets the money back."""


class PaymentRequested(Event, name="payment.requested"):
    """The buyer can pay."""

    order: str
    amount: int


class PaymentReceived(Event, name="payment.received"):
    """The buyer has paid."""

    order: str
    amount: int


class PaymentRefunded(Event, name="payment.refunded"):
    """The buyer has the money back."""

    order: str
    amount: int


def payment_of(order: str) -> str:
    """The id of the payment for an order, which is derived only here and stored nowhere."""
    return f"payment-of-{order}"
