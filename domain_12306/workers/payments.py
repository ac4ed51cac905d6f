"""The worker that asks the provider for money, gives it back, and tells what came of it.

payment.started ──charge──▶ provider ──paid──▶ ReceivePayment
                                     ──declined──▶ DeclinePayment
                                     ──pending──▶ nothing; its reports bring it, if it comes
payment.refunded, payment.returned, or ReceivePayment is refused ──refund──▶ provider
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from domain_12306.messages import (
    DeclinePayment,
    PaymentRefunded,
    PaymentReturned,
    PaymentStarted,
    ReceivePayment,
)
from domain_12306.workers.provider import Declined, Paid, Provider
from engine import Delivery, Tell, Worker, every, on, query

LOOK_S = 0.5  # between two looks at the provider's reports


class Payments(Worker, name="payments", threads=16):
    """`provider_in`: makes the provider, given the worker's folder and its clock."""

    def __init__(self, provider_in: Callable[[Path, Callable[[], datetime]], Provider]) -> None:
        self._provider_in = provider_in

    def open(self, folder: Path) -> None:
        self._provider = self._provider_in(folder, self.now)

    @on(PaymentStarted)
    def started(self, event: PaymentStarted, delivery: Delivery, tell: Tell) -> None:
        answer = self._provider.charge(delivery.id, delivery.aggregate, event.amount)
        if isinstance(answer, Paid):
            self._received(answer, tell)
        elif isinstance(answer, Declined):
            tell(DeclinePayment(delivery.aggregate, attempt=event.attempt, reason=answer.reason))

    @on(PaymentRefunded)
    def refunded(self, event: PaymentRefunded, delivery: Delivery) -> None:
        self._provider.refund(delivery.id, event.receipt, event.amount)

    @on(PaymentReturned)
    def returned(self, event: PaymentReturned, delivery: Delivery) -> None:
        self._provider.refund(delivery.id, event.receipt, event.amount)

    @every(seconds=LOOK_S)
    def look_for_reports(self, tell: Tell) -> None:
        """Money that is reported again is noted once, because its receipt is known."""
        for paid in self._provider.reports():
            self._received(paid, tell)
            self._provider.noted(paid.receipt)

    @query
    def coming(self) -> int:
        """The number of charges that the provider has still to report."""
        return self._provider.coming()

    @query
    def balance(self) -> int:
        """What the provider has of the railway's customers, less what it gave back, in fen."""
        return self._provider.balance()

    def _received(self, paid: Paid, tell: Tell) -> None:
        """Money that is not taken, such as another amount than is due, goes back at once."""
        if tell(ReceivePayment(paid.payment, receipt=paid.receipt, amount=paid.amount)) is not None:
            self._provider.refund(f"not taken: {paid.receipt}", paid.receipt, paid.amount)
