"""The checkout, which takes an order from one aggregate to the next, and back if something goes wrong.

    placed → reserve ─┬─ reserved → await payment ─┬─ awaited → request payment, set the timer
                      │                            └─ refused (cancelled meanwhile) → release
                      └─ refused (sold out) → reject
    received → accept payment ─┬─ paid → sell ─┬─ sold → complete
                               │               └─ refused → reject → refund
                               └─ refused (too late) → refund
    the timer → expire → release                cancelled → release, if units are held

It has no state, because every event and every command says all that the next step needs.
"""

from engine import Commit, ProcessManager, Refusal, Send, on, refused
from examples.flash_sale.messages import (
    AcceptPayment,
    AwaitPayment,
    CompleteOrder,
    ExpireOrder,
    OrderCancelled,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderRejected,
    OrderReserved,
    PaymentReceived,
    Refund,
    RejectOrder,
    Release,
    RequestPayment,
    Reserve,
    Sell,
    UnitsReserved,
    UnitsSold,
    payment_of,
)


class Checkout(ProcessManager, name="checkout"):
    """The one checkout for all orders. A timer's key is the order's id."""

    @on(OrderPlaced)
    def placed(self, event: OrderPlaced, commit: Commit, send: Send) -> None:
        send(Reserve(event.article, order=commit.aggregate, units=event.units))

    @refused(Reserve)
    def not_reserved(self, command: Reserve, refusal: Refusal, send: Send) -> None:
        send(RejectOrder(command.order, reason=refusal.code))

    @on(UnitsReserved)
    def units_reserved(self, event: UnitsReserved, commit: Commit, send: Send) -> None:
        article, amount, pay_by = commit.aggregate, event.amount, event.pay_by
        send(AwaitPayment(event.order, article=article, amount=amount, pay_by=pay_by))

    @refused(AwaitPayment)
    def not_awaited(self, command: AwaitPayment, refusal: Refusal, send: Send) -> None:
        send(Release(command.article, order=command.aggregate))

    @on(OrderReserved)
    def reserved(self, event: OrderReserved, commit: Commit, send: Send) -> None:
        if event.amount:  # otherwise it is paid already, by the same command
            order = commit.aggregate
            send(RequestPayment(payment_of(order), order=order, amount=event.amount))
            send.at(event.pay_by, ExpireOrder(order), key=order)

    @on(PaymentReceived)
    def received(self, event: PaymentReceived, send: Send) -> None:
        send(AcceptPayment(event.order))

    @refused(AcceptPayment)
    def not_accepted(self, command: AcceptPayment, refusal: Refusal, send: Send) -> None:
        send(Refund(payment_of(command.aggregate)))

    @on(OrderPaid)
    def paid(self, event: OrderPaid, commit: Commit, send: Send) -> None:
        send.cancel(commit.aggregate)
        send(Sell(event.article, order=commit.aggregate))

    @refused(Sell)
    def not_sold(self, command: Sell, refusal: Refusal, send: Send) -> None:
        send(RejectOrder(command.order, reason=refusal.code))

    @on(UnitsSold)
    def sold(self, event: UnitsSold, send: Send) -> None:
        send(CompleteOrder(event.order))

    @on(OrderRejected)
    def rejected(self, event: OrderRejected, commit: Commit, send: Send) -> None:
        if event.paid:
            send(Refund(payment_of(commit.aggregate)))

    @on(OrderCancelled)
    def cancelled(self, event: OrderCancelled, commit: Commit, send: Send) -> None:
        send.cancel(commit.aggregate)
        if event.held:
            send(Release(event.article, order=commit.aggregate))

    @on(OrderExpired)
    def expired(self, event: OrderExpired, commit: Commit, send: Send) -> None:
        send(Release(event.article, order=commit.aggregate))
