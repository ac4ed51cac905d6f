"""The view: how each order stands, from the moment it is placed, and what is left of each article."""

from typing import Any

import msgspec

from engine import Commit, NoArguments, Projection, Table, on, query
from examples.flash_sale.messages import (
    OrderCancelled,
    OrderCompleted,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderRejected,
    OrderReserved,
    PaymentRefunded,
    UnitsReleased,
    UnitsReserved,
    UnitsSold,
    WentOnSale,
)

ORDER, ARTICLE, REFUND, TOTAL = "order/", "article/", "refund/", "total/"


class Which(msgspec.Struct):
    """Arguments of the queries `order` and `article`."""

    id: str


class Shop(Projection, name="shop", version=1):
    """`order/ID` → status, `article/ID` → units, `refund/ORDER` → cents, `total/STATUS` → orders.

    An order's rows are written by its own events only: those of other aggregates may be in another partition,
    and a view that catches up sees partitions in any order.
    """

    @on(OrderPlaced)
    def placed(self, event: OrderPlaced, meta: Commit, view: Table) -> None:
        _status(view, meta.aggregate, "processing")

    @on(OrderReserved)
    def reserved(self, event: OrderReserved, meta: Commit, view: Table) -> None:
        _status(view, meta.aggregate, "awaiting-payment")

    @on(OrderPaid)
    def paid(self, event: OrderPaid, meta: Commit, view: Table) -> None:
        _status(view, meta.aggregate, "paid")

    @on(OrderCompleted)
    def completed(self, event: OrderCompleted, meta: Commit, view: Table) -> None:
        _status(view, meta.aggregate, "completed")

    @on(OrderRejected)
    def rejected(self, event: OrderRejected, meta: Commit, view: Table) -> None:
        _status(view, meta.aggregate, "rejected")

    @on(OrderCancelled)
    def cancelled(self, event: OrderCancelled, meta: Commit, view: Table) -> None:
        _status(view, meta.aggregate, "cancelled")

    @on(OrderExpired)
    def expired(self, event: OrderExpired, meta: Commit, view: Table) -> None:
        _status(view, meta.aggregate, "expired")

    @on(PaymentRefunded)
    def refunded(self, event: PaymentRefunded, view: Table) -> None:
        view[REFUND + event.order] = event.amount

    @on(WentOnSale)
    def went_on_sale(self, event: WentOnSale, meta: Commit, view: Table) -> None:
        view[ARTICLE + meta.aggregate] = {"free": event.units, "held": 0, "sold": 0}

    @on(UnitsReserved)
    def units_reserved(self, event: UnitsReserved, meta: Commit, view: Table) -> None:
        _move(view, meta.aggregate, "free", "held", event.units)

    @on(UnitsReleased)
    def units_released(self, event: UnitsReleased, meta: Commit, view: Table) -> None:
        _move(view, meta.aggregate, "held", "free", event.units)

    @on(UnitsSold)
    def units_sold(self, event: UnitsSold, meta: Commit, view: Table) -> None:
        _move(view, meta.aggregate, "held", "sold", event.units)

    @query("order")
    def order(self, view: Table, request: Which) -> Any:
        status, refund = view.get(ORDER + request.id), view.get(REFUND + request.id, 0)
        return None if status is None else {"status": status, "refunded": refund}

    @query("article")
    def article(self, view: Table, request: Which) -> Any:
        return view.get(ARTICLE + request.id)

    @query("totals")
    def totals(self, view: Table, request: NoArguments) -> dict[str, int]:
        """The number of orders by status."""
        return {key.removeprefix(TOTAL): count for key, count in view.prefix(TOTAL) if count}


def _status(view: Table, order: str, status: str) -> None:
    before = view.get(ORDER + order)
    if before is not None:
        view[TOTAL + before] -= 1
    view[TOTAL + status] = view.get(TOTAL + status, 0) + 1
    view[ORDER + order] = status


def _move(view: Table, article: str, source: str, target: str, units: int) -> None:
    row = view[ARTICLE + article]
    view[ARTICLE + article] = {**row, source: row[source] - units, target: row[target] + units}
