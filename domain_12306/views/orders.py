"""The view of orders: how each stands, a user's orders as people know them, and a passenger's trips.

    order/ID → what was ordered    stands/ID → its history, and its money
    user/USER/ID, trip/PASSENGER/ID → the id of the order

An order's rows are written by its own events only: other aggregates may be in another partition, and a view
that catches up sees partitions in any order.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from domain_12306.aggregates.order import State
from domain_12306.messages import (
    OrderCancelled,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderRefused,
    PaymentAwaited,
    PaymentDeclined,
    PaymentRefunded,
    PaymentStarted,
    TicketsIssued,
)
from engine import Commit, Projection, Table, on, query

ORDER, STANDS, USER, TRIP = "order/", "stands/", "user/", "trip/"
UNFINISHED = (State.PROCESSING, State.AWAITING_PAYMENT, State.PAID)
AT_FIRST = {"pay_by": None, "reason": "", "paid": 0, "declined": ""}
"""What is not in a row before it is something else: each row is read and written at every step."""

MOST_ORDERS = 200
"""In an answer, the newest."""


class Tab(StrEnum):
    """Where a user looks for an order."""

    UNFINISHED = "未完成"
    UPCOMING = "未出行"
    HISTORY = "历史"


class OrderShown(msgspec.Struct):
    """An order as its user sees it. `reason`: the code of the refusal, if it was refused; `amount`: what it
    costs; `paid`: what was paid, less what went back, both in fen; `declined`: why the provider of payments
    said no to the last attempt; `history`: each state and since when."""

    order: str
    user: str
    run: str
    seat_class: str
    board: str
    alight: str
    passengers: list[str]
    departs: datetime
    arrives: datetime
    state: State
    history: list[tuple[State, datetime]]
    amount: int
    paid: int
    pay_by: datetime | None
    reason: str
    declined: str


class Orders(Projection, name="orders", version=2):
    """Orders with their history."""

    @on(OrderPlaced)
    def placed(self, event: OrderPlaced, commit: Commit, view: Table) -> None:
        booking, order = event.booking, commit.aggregate
        view[ORDER + order] = {
            "order": order,
            "user": booking.user,
            "run": booking.run,
            "seat_class": booking.seat_class,
            "board": booking.board,
            "alight": booking.alight,
            "passengers": list(booking.passengers),
            "departs": booking.departs,
            "arrives": booking.arrives,
            "amount": booking.fare * len(booking.passengers),
        }
        history = [(State.PROCESSING, commit.time)]
        view[STANDS + order] = {"history": history}
        view[f"{USER}{booking.user}/{order}"] = order
        for passenger in booking.passengers:
            view[f"{TRIP}{passenger}/{order}"] = order

    @on(PaymentAwaited)
    def payment_awaited(self, event: PaymentAwaited, commit: Commit, view: Table) -> None:
        self._is(view, commit, State.AWAITING_PAYMENT, pay_by=event.pay_by)

    @on(OrderPaid)
    def paid(self, event: OrderPaid, commit: Commit, view: Table) -> None:
        self._is(view, commit, State.PAID, paid=event.amount)

    @on(TicketsIssued)
    def ticketed(self, event: TicketsIssued, commit: Commit, view: Table) -> None:
        self._is(view, commit, State.TICKETED)

    @on(OrderRefused)
    def refused(self, event: OrderRefused, commit: Commit, view: Table) -> None:
        self._is(view, commit, State.REFUSED, reason=event.reason)

    @on(OrderCancelled)
    def cancelled(self, event: OrderCancelled, commit: Commit, view: Table) -> None:
        self._is(view, commit, State.CANCELLED)

    @on(OrderExpired)
    def expired(self, event: OrderExpired, commit: Commit, view: Table) -> None:
        self._is(view, commit, State.EXPIRED)

    @on(PaymentRefunded)
    def refunded(self, event: PaymentRefunded, commit: Commit, view: Table) -> None:
        view[STANDS + commit.aggregate] |= {"paid": 0}

    @on(PaymentStarted)
    def started(self, event: PaymentStarted, commit: Commit, view: Table) -> None:
        view[STANDS + commit.aggregate] |= {"declined": ""}

    @on(PaymentDeclined)
    def declined(self, event: PaymentDeclined, commit: Commit, view: Table) -> None:
        view[STANDS + commit.aggregate] |= {"declined": event.reason}

    @query
    def order(self, view: Table, id: str) -> OrderShown | None:
        """One order; None if there is none."""
        return _shown(view, id) if ORDER + id in view else None

    @query
    def orders_of(self, view: Table, user: str, now: datetime, tab: Tab | None = None) -> list[OrderShown]:
        """A user's orders in one of the three tabs, or all of them; the newest first. `now`: whether a
        journey is over depends on it."""
        orders = [_shown(view, order) for _, order in view.rows(f"{USER}{user}/")]
        orders.sort(key=lambda shown: shown.history[0][1], reverse=True)
        return [shown for shown in orders if tab is None or tab_of(shown, now) == tab][:MOST_ORDERS]

    @query
    def trips_of(self, view: Table, passenger: str) -> list[OrderShown]:
        """The journeys of a passenger for which there is a ticket, by departure."""
        orders = [_shown(view, order) for _, order in view.rows(f"{TRIP}{passenger}/")]
        ticketed = [shown for shown in orders if shown.state == State.TICKETED]
        return sorted(ticketed, key=lambda shown: shown.departs)

    def _is(self, view: Table, commit: Commit, state: State, **more: Any) -> None:
        stands = view[STANDS + commit.aggregate]
        stands["history"].append((state, commit.time))
        view[STANDS + commit.aggregate] = stands | more


def tab_of(shown: OrderShown, now: datetime) -> Tab:
    """The tab under which an order stands."""
    if shown.state in UNFINISHED:
        return Tab.UNFINISHED
    return Tab.UPCOMING if shown.state == State.TICKETED and shown.departs > now else Tab.HISTORY


def _shown(view: Table, order: str) -> OrderShown:
    stands = AT_FIRST | view[STANDS + order]
    state, _ = stands["history"][-1]
    return msgspec.convert(view[ORDER + order] | stands | {"state": state}, OrderShown)
