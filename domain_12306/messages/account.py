"""Commands and events of an account: what a user may still do today."""

from typing import Annotated

from msgspec import Meta

from domain_12306.messages.booking import Booking
from domain_12306.messages.train_run import OrderId
from engine import Command, Event


class AdmitOrder(Command, name="account.admit", rejects=("too-many-cancellations",)):
    """May the user have this order?"""

    booking: Booking


class NoteCancellation(Command, name="account.note-cancellation"):
    """A seated order was cancelled. `date`: the day in China on which it was, whenever it is noted."""

    order: OrderId
    date: Annotated[str, Meta(max_length=10)]


class OrderAdmitted(Event, name="account.admitted"):
    """The user may have it."""

    booking: Booking


class CancellationNoted(Event, name="account.cancellation-noted"):
    """One more. `date`: the day in China on which it counts."""

    order: str
    date: str
