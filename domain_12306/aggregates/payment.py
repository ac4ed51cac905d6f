"""A payment: what is due for an order, what has come in, and what has gone back.

Money that is here is noted, whether it was wanted or not. What becomes of it, the booking process decides:
all that is received is either kept for an order with tickets, or refunded. Another amount than is due is
refused, and then the worker that reported it gives it back.
"""

from datetime import datetime

from domain_12306.messages import (
    DeclinePayment,
    PaymentDeclined,
    PaymentReceived,
    PaymentRefunded,
    PaymentRequested,
    PaymentStarted,
    ReceivePayment,
    RefundPayment,
    RequestPayment,
    StartPayment,
)
from domain_12306.rules.rejections import no
from engine import Aggregate, Rejection, Stamp, applies, handles


class Payment(Aggregate):
    """One payment. `received`: fen by receipt; `refunded`: receipts whose money has gone back; `attempt`: how
    often the provider was asked; `open`: it has not said no to the last one."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.order = ""
        self.due = 0
        self.received: dict[str, int] = {}
        self.refunded: set[str] = set()
        self.pay_by: datetime | None = None
        self.attempt = 0
        self.open = False

    @handles(RequestPayment, exists="may")
    def request(self, command: RequestPayment) -> PaymentRequested | None:
        return None if self.order else PaymentRequested(command.order, command.amount, command.pay_by)

    @handles(StartPayment)
    def start(self, command: StartPayment, stamp: Stamp) -> PaymentStarted | Rejection | None:
        if self.received:
            return no("paid-already", self.order)
        if self.pay_by is not None and stamp.now >= self.pay_by:
            return no("time-to-pay-over", f"{self.order} was to be paid by {self.pay_by}")
        return None if self.open else PaymentStarted(self.order, self.due, self.attempt + 1)

    @handles(DeclinePayment)
    def decline(self, command: DeclinePayment) -> PaymentDeclined | None:
        if not self.open or command.attempt != self.attempt:
            return None
        return PaymentDeclined(self.order, command.attempt, command.reason)

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
        self.order, self.due, self.pay_by = event.order, event.amount, event.pay_by

    @applies(PaymentStarted)
    def _started(self, event: PaymentStarted) -> None:
        self.attempt, self.open = event.attempt, True

    @applies(PaymentDeclined)
    def _declined(self, event: PaymentDeclined) -> None:
        self.open = False

    @applies(PaymentReceived)
    def _received(self, event: PaymentReceived) -> None:
        self.received[event.receipt] = event.amount

    @applies(PaymentRefunded)
    def _refunded(self, event: PaymentRefunded) -> None:
        self.refunded.add(event.receipt)
