"""An account: whether its user may have one more order today."""

from domain_12306.messages import AdmitOrder, CancellationNoted, NoteCancellation, OrderAdmitted
from domain_12306.rules.rejections import no
from domain_12306.rules.times import CANCELLATIONS_A_DAY, day_of
from engine import Aggregate, Rejection, Stamp, applies, handles


class Account(Aggregate):
    """One user. Only the cancellations of the latest day that had any are kept."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.day, self.cancellations = "", 0

    @handles(AdmitOrder, exists="may")
    def admit(self, command: AdmitOrder, stamp: Stamp) -> OrderAdmitted | Rejection:
        if self.cancellations >= CANCELLATIONS_A_DAY and self.day == day_of(stamp.now).isoformat():
            return no("too-many-cancellations", f"{self.cancellations} on {self.day}")
        return OrderAdmitted(command.booking)

    @handles(NoteCancellation, exists="may")
    def note_cancellation(self, command: NoteCancellation) -> CancellationNoted | None:
        return CancellationNoted(command.order, command.date) if command.date >= self.day else None

    @applies(OrderAdmitted)
    def _admitted(self, event: OrderAdmitted) -> None:
        pass  # it is noted for the process that asked; nothing follows from it here

    @applies(CancellationNoted)
    def _cancellation_noted(self, event: CancellationNoted) -> None:
        if event.date != self.day:
            self.day, self.cancellations = event.date, 0
        self.cancellations += 1
