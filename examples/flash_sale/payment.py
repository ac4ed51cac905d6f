"""A payment: money comes in at most once and goes back at most once. It may come in late: whether it is still
wanted, the order decides."""

from typing import Literal

from engine import Aggregate, Rejection, applies, handles, reject
from examples.flash_sale.messages import (
    Pay,
    PaymentReceived,
    PaymentRefunded,
    PaymentRequested,
    Refund,
    RequestPayment,
)


class Payment(Aggregate):
    """The payment for one order."""

    state: Literal["requested", "received", "refunded"] = "requested"
    order = ""
    amount = 0

    @handles(RequestPayment, exists="must-not")
    def request(self, command: RequestPayment) -> PaymentRequested:
        return PaymentRequested(order=command.order, amount=command.amount)

    @handles(Pay)
    def pay(self, command: Pay) -> PaymentReceived | Rejection | None:
        if self.state == "refunded":
            return reject("refunded", "this money has been sent back already")
        return PaymentReceived(order=self.order, amount=self.amount) if self.state == "requested" else None

    @handles(Refund)
    def refund(self, command: Refund) -> PaymentRefunded | None:
        return PaymentRefunded(order=self.order, amount=self.amount) if self.state == "received" else None

    @applies(PaymentRequested)
    def _requested(self, event: PaymentRequested) -> None:
        self.order, self.amount, self.state = event.order, event.amount, "requested"

    @applies(PaymentReceived)
    def _received(self, event: PaymentReceived) -> None:
        self.state = "received"

    @applies(PaymentRefunded)
    def _refunded(self, event: PaymentRefunded) -> None:
        self.state = "refunded"
