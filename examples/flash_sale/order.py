"""An order, which decides what came first: the money, a change of mind, or the end of the time to pay.

    processing ──▶ awaiting-payment ──▶ paid ──▶ completed
        │                  │              └─▶ rejected (its units were gone after all)
        ├─▶ rejected       ├─▶ expired
        └─▶ cancelled      └─▶ cancelled

A step that comes again, or too late, changes nothing. If the sender has to know, it is refused.
"""

from engine import Aggregate, Rejection, Stamp, applies, handles, reject
from examples.flash_sale.messages import (
    AcceptPayment,
    AwaitPayment,
    CancelOrder,
    CompleteOrder,
    ExpireOrder,
    OrderCancelled,
    OrderCompleted,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderRejected,
    OrderReserved,
    PlaceOrder,
    RejectOrder,
)


class Order(Aggregate):
    """One order."""

    article = ""
    status = ""

    @handles(PlaceOrder, exists="must-not")
    def place(self, command: PlaceOrder) -> OrderPlaced | Rejection:
        if command.units < 1:
            return reject("bad-order", "an order is for one unit or more")
        return OrderPlaced(article=command.article, units=command.units)

    @handles(AwaitPayment)
    def await_payment(
        self, command: AwaitPayment, stamp: Stamp
    ) -> OrderReserved | list[OrderReserved | OrderPaid] | Rejection:
        if self.status != "processing" or command.article != self.article:
            return reject("not-wanted", f"{self.id}, for {self.article}, is {self.status}")
        reserved = OrderReserved(amount=command.amount, pay_by=command.pay_by)
        return reserved if command.amount else [reserved, OrderPaid(article=self.article)]

    @handles(AcceptPayment)
    def accept_payment(self, command: AcceptPayment) -> OrderPaid | Rejection | None:
        if self.status in ("paid", "completed"):
            return None
        if self.status != "awaiting-payment":
            return reject("order-closed", f"{self.id} is {self.status}")
        return OrderPaid(article=self.article)

    @handles(CompleteOrder)
    def complete(self, command: CompleteOrder) -> OrderCompleted | None:
        return OrderCompleted() if self.status == "paid" else None

    @handles(RejectOrder)
    def reject(self, command: RejectOrder) -> OrderRejected | None:
        if self.status not in ("processing", "paid"):
            return None
        return OrderRejected(reason=command.reason, paid=self.status == "paid")

    @handles(CancelOrder)
    def cancel(self, command: CancelOrder) -> OrderCancelled | Rejection | None:
        if self.status == "cancelled":
            return None
        if self.status not in ("processing", "awaiting-payment"):
            return reject("too-late", f"{self.id} is {self.status}")
        return OrderCancelled(article=self.article, held=self.status == "awaiting-payment")

    @handles(ExpireOrder)
    def expire(self, command: ExpireOrder) -> OrderExpired | None:
        return OrderExpired(article=self.article) if self.status == "awaiting-payment" else None

    @applies(OrderPlaced)
    def _placed(self, event: OrderPlaced) -> None:
        self.article, self.status = event.article, "processing"

    @applies(OrderReserved)
    def _reserved(self, event: OrderReserved) -> None:
        self.status = "awaiting-payment"

    @applies(OrderPaid)
    def _paid(self, event: OrderPaid) -> None:
        self.status = "paid"

    @applies(OrderCompleted)
    def _completed(self, event: OrderCompleted) -> None:
        self.status = "completed"

    @applies(OrderRejected)
    def _rejected(self, event: OrderRejected) -> None:
        self.status = "rejected"

    @applies(OrderCancelled)
    def _cancelled(self, event: OrderCancelled) -> None:
        self.status = "cancelled"

    @applies(OrderExpired)
    def _expired(self, event: OrderExpired) -> None:
        self.status = "expired"
