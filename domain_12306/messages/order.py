"""Commands and events of an order: how it stands, from being processed to being ticketed.

A passenger's side sends `PlaceOrder` and `CancelOrder`; the booking process sends everything else. Its money
is in `payment`.
"""

from datetime import datetime

from domain_12306.messages.booking import Booking, Fen, Party, RunId, Token
from domain_12306.messages.train_run import Name
from engine import Command, Event


class PlaceOrder(
    Command,
    name="order.place",
    rejects=("bad-order", "bad-token", "party-size", "passenger-twice", "not-on-sale-yet", "departed"),
):
    """Orders tickets. The order is shown as being processed from then on."""

    user: Token
    run: RunId
    seat_class: Name
    board: Name
    alight: Name
    passengers: Party
    departs: datetime
    arrives: datetime
    fare: Fen


class AwaitPayment(Command, name="order.await-payment", rejects=("not-wanted",)):
    """Seats are held for it: it is to be paid by then. `run`, `passengers`: what is given back if it is not
    wanted any more."""

    amount: Fen
    pay_by: datetime
    run: RunId
    passengers: Party


class IssueTickets(Command, name="order.issue-tickets"):
    """Its seats are sold."""


class RefuseOrder(Command, name="order.refuse"):
    """It cannot be had. `reason`: the code of the refusal."""

    reason: str


class CancelOrder(Command, name="order.cancel", rejects=("too-late",)):
    """The passenger has changed their mind, before paying."""


class ExpireOrder(Command, name="order.expire"):
    """The time to pay is over."""


class OrderPlaced(Event, name="order.placed"):
    """It is being processed."""

    booking: Booking


class PaymentAwaited(Event, name="order.payment-awaited"):
    """Its seats are held until then."""

    amount: int
    pay_by: datetime


class OrderPaid(Event, name="order.paid"):
    """Its money is there, in time. `receipt`: the provider's own name for the payment."""

    run: str
    receipt: str
    amount: int


class TicketsIssued(Event, name="order.ticketed"):
    """The journey can be made."""


class OrderRefused(Event, name="order.refused"):
    """It could not be had. If it was paid, its money goes back, and `booking` says what it still has."""

    reason: str
    booking: Booking | None = None


class OrderCancelled(Event, name="order.cancelled"):
    """It was cancelled. `held`: seats were held for it, so that it counts as a cancellation of the day."""

    booking: Booking
    held: bool


class OrderExpired(Event, name="order.expired"):
    """It was not paid in time."""

    booking: Booking
