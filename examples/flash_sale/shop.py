"""The view: how each order stands, from the moment it is placed, and what is left of each article."""

from typing import Any

from engine import Commit, Projection, Table, on, query
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


class Shop(Projection, name="shop", version=1):
    """`order/ID` → status, `article/ID` → units, `refund/ORDER` → cents, `total/STATUS` → orders.

    An order's rows are written by its own events only: those of other aggregates may be in another partition,
    and a view that catches up sees partitions in any order.
    """

    @on(OrderPlaced)
    def placed(self, event: OrderPlaced, commit: Commit, view: Table) -> None:
        _status(view, commit.aggregate, "processing")

    @on(OrderReserved)
    def reserved(self, event: OrderReserved, commit: Commit, view: Table) -> None:
        _status(view, commit.aggregate, "awaiting-payment")

    @on(OrderPaid)
    def paid(self, event: OrderPaid, commit: Commit, view: Table) -> None:
        _status(view, commit.aggregate, "paid")

    @on(OrderCompleted)
    def completed(self, event: OrderCompleted, commit: Commit, view: Table) -> None:
        _status(view, commit.aggregate, "completed")

    @on(OrderRejected)
    def rejected(self, event: OrderRejected, commit: Commit, view: Table) -> None:
        _status(view, commit.aggregate, "rejected")

    @on(OrderCancelled)
    def cancelled(self, event: OrderCancelled, commit: Commit, view: Table) -> None:
        _status(view, commit.aggregate, "cancelled")

    @on(OrderExpired)
    def expired(self, event: OrderExpired, commit: Commit, view: Table) -> None:
        _status(view, commit.aggregate, "expired")

    @on(PaymentRefunded)
    def refunded(self, event: PaymentRefunded, view: Table) -> None:
        view[REFUND + event.order] = event.amount

    @on(WentOnSale)
    def went_on_sale(self, event: WentOnSale, commit: Commit, view: Table) -> None:
        view[ARTICLE + commit.aggregate] = {"free": event.units, "held": 0, "sold": 0}

    @on(UnitsReserved)
    def units_reserved(self, event: UnitsReserved, commit: Commit, view: Table) -> None:
        _move(view, commit.aggregate, "free", "held", event.units)

    @on(UnitsReleased)
    def units_released(self, event: UnitsReleased, commit: Commit, view: Table) -> None:
        _move(view, commit.aggregate, "held", "free", event.units)

    @on(UnitsSold)
    def units_sold(self, event: UnitsSold, commit: Commit, view: Table) -> None:
        _move(view, commit.aggregate, "held", "sold", event.units)

    @query
    def order(self, view: Table, id: str) -> dict[str, Any] | None:
        status, refund = view.get(ORDER + id), view.get(REFUND + id, 0)
        return None if status is None else {"status": status, "refunded": refund}

    @query
    def article(self, view: Table, id: str) -> dict[str, int] | None:
        return view.get(ARTICLE + id)

    @query
    def totals(self, view: Table) -> dict[str, int]:
        """The number of orders by status."""
        return {key.removeprefix(TOTAL): count for key, count in view.rows(TOTAL) if count}


def _status(view: Table, order: str, status: str) -> None:
    before = view.get(ORDER + order)
    if before is not None:
        view[TOTAL + before] -= 1
    view[TOTAL + status] = view.get(TOTAL + status, 0) + 1
    view[ORDER + order] = status


def _move(view: Table, article: str, source: str, target: str, units: int) -> None:
    row = view[ARTICLE + article]
    view[ARTICLE + article] = {**row, source: row[source] - units, target: row[target] + units}
