"""A shop that goes wrong in one of several ways. What the shop itself has to know of it is in its
environment, because a setting would tell the operator."""

import os
import time
from collections.abc import Mapping

from engine import (
    Aggregate,
    Command,
    Commit,
    Engine,
    Event,
    ProcessManager,
    Projection,
    Refusal,
    Rejection,
    Send,
    Table,
    applies,
    handles,
    on,
    query,
    refused,
    reject,
)

PACE = "SHOP_PACE_S"  # how long the view takes for an order
SLOW_S = 0.03
LOST = "-lost"  # ends the name of an order that cannot be shipped
POISON = 7  # units, which the view cannot count


class Place(Command, name="order.place"):
    """Orders units of an article."""

    article: str
    units: int


class Placed(Event, name="order.placed"):
    """An order was placed."""

    article: str
    units: int


class Ship(Command, name="parcel.ship", rejects=("no-address",)):
    """Ships an order."""

    order: str


class Shipped(Event, name="parcel.shipped"):
    """A parcel has left."""

    order: str


class Order(Aggregate):
    """One order."""

    @handles(Place, exists="must-not")
    def place(self, command: Place) -> Placed:
        return Placed(command.article, command.units)

    @applies(Placed)
    def _placed(self, event: Placed) -> None:
        """Its events say all."""


class Parcel(Aggregate):
    """One parcel."""

    @handles(Ship, exists="may")
    def ship(self, command: Ship) -> Shipped | Rejection | None:
        if command.order.endswith(LOST):
            return reject("no-address", command.order)
        return Shipped(command.order)

    @applies(Shipped)
    def _shipped(self, event: Shipped) -> None:
        """Its events say all."""


class Sales(Projection, name="sales", version=1):
    """What was sold, by article."""

    def __init__(self, pace_s: float = 0.0) -> None:
        self._pace_s = pace_s

    @on(Placed)
    def placed(self, event: Placed, sold: Table[int]) -> None:
        if event.units == POISON:
            raise ValueError(f"{POISON} units of {event.article}")
        if self._pace_s:
            time.sleep(self._pace_s)
        sold[event.article] = sold.get(event.article, 0) + event.units

    @query
    def sold(self, sold: Table[int], article: str) -> int:
        return sold.get(article, 0)


class Shipping(ProcessManager, name="shipping"):
    """Ships what was ordered."""

    @on(Placed)
    def placed(self, event: Placed, commit: Commit, send: Send) -> None:
        send(Ship(f"parcel-{commit.aggregate}", order=commit.aggregate))

    @refused(Ship)
    def not_shipped(self, command: Ship, refusal: Refusal, send: Send) -> None:
        raise RuntimeError(f"what is to be done with {command.order}? {refusal.code}")


def create(_settings: Mapping[str, str]) -> Engine:
    """The application."""
    app = Engine("shop")
    app.aggregate(Order)
    app.aggregate(Parcel)
    pace_s = float(os.environ.get(PACE, 0))
    app.projection(factory=lambda: Sales(pace_s))(Sales)
    app.process_manager()(Shipping)
    return app
