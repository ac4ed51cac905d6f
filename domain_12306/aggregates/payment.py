"""A payment: what is due for an order, what has come in, and what has gone back.

Money that is here is noted, whether it was wanted or not. What becomes of it, the booking process decides:
all that is received is either kept for an order with tickets, or refunded.
"""

from domain_12306.messages import (
    PaymentReceived,
    PaymentRefunded,
    PaymentRequested,
    ReceivePayment,
    RefundPayment,
    RequestPayment,
)
from domain_12306.rules.rejections import no
from engine import Aggregate, Rejection, applies, handles


class Payment(Aggregate):
    """One payment. `received`: fen by receipt; `refunded`: receipts whose money has gone back."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.order = ""
        self.due = 0
        self.received: dict[str, int] = {}
        self.refunded: set[str] = set()

    @handles(RequestPayment, exists="may")
    def request(self, command: RequestPayment) -> PaymentRequested | None:
        return None if self.order else PaymentRequested(command.order, command.amount, command.pay_by)

    @handles(ReceivePayment)
    def receive(self, command: ReceivePayment) -> PaymentReceived | Rejection | None:
        if command.receipt in self.received:
            return None
        if command.amount != self.due:
            return no("wrong-amount", f"{command.amount} instead of {self.due} fen for {self.order}")
        return PaymentReceived(self.order, command.receipt, command.amount)

    @handles(RefundPayment)
    def refund(self, command: RefundPayment) -> PaymentRefunded | None:
        if command.receipt not in self.received or command.receipt in self.refunded:
            return None
        return PaymentRefunded(self.order, command.receipt, self.received[command.receipt])

    @applies(PaymentRequested)
    def _requested(self, event: PaymentRequested) -> None:
        self.order, self.due = event.order, event.amount

    @applies(PaymentReceived)
    def _received(self, event: PaymentReceived) -> None:
        self.received[event.receipt] = event.amount

    @applies(PaymentRefunded)
    def _refunded(self, event: PaymentRefunded) -> None:
        self.refunded.add(event.receipt)
