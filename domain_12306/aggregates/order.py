"""An order, which decides what came first: the money, a change of mind, or the end of the time to pay.

    processing ──▶ awaiting payment ──▶ paid ──▶ ticketed
        │                  │              └─▶ refused (its seats were gone after all)
        ├─▶ refused        ├─▶ expired
        └─▶ cancelled      └─▶ cancelled

A step that comes again, or too late, changes nothing. If the sender has to know, it is refused.

Money that is here is noted once under its receipt, whether it is wanted or not: it pays the order, or goes
back. Another amount than is due is refused, and then the worker that reported it gives it back.
"""

import re
from datetime import datetime
from enum import StrEnum

from domain_12306.messages import (
    ORDER,
    AwaitPayment,
    Booking,
    CancelOrder,
    DeclinePayment,
    ExpireOrder,
    IssueTickets,
    OrderCancelled,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderRefused,
    PaymentAwaited,
    PaymentDeclined,
    PaymentRefunded,
    PaymentReturned,
    PaymentStarted,
    PlaceOrder,
    ReceivePayment,
    RefuseOrder,
    StartPayment,
    TicketsIssued,
)
from domain_12306.reference.timetable import DAY
from domain_12306.rules.opening import Opening
from domain_12306.rules.rejections import no
from domain_12306.rules.times import PRESALE_DAYS, day_of, moment
from engine import Aggregate, Rejection, Stamp, applies, handles

MAX_PARTY = 5
LONGEST_ORDER = 64  # as in a booking, which would not fit its class otherwise
LONGEST_RUN_BYTES = 128  # the booking process sends to the run: an aggregate's id may have 200

TOKEN = re.compile(r"[!-.0-~]+")
"""Visible ASCII characters but the slash. A token, and the name of an order, becomes part of the id of an
aggregate to which the booking process sends, and of a view's key: where it could not send, the train-run or
the passenger that it heard from would be set aside."""


class State(StrEnum):
    """How an order stands, in the words that passengers know."""

    NONE = ""
    PROCESSING = "处理中"
    AWAITING_PAYMENT = "待支付"
    PAID = "已支付"
    TICKETED = "已出票"
    REFUSED = "出票失败"
    CANCELLED = "已取消"
    EXPIRED = "已超时"


class Order(Aggregate):
    """One order. `due`: in fen, None until its seats are held; `receipt`: of the money that pays it;
    `returned`: of other money; `attempt`: how often the provider was asked; `asking`: it has not said no
    to the last one. `opening`: of the railway that it is of."""

    opening = Opening()

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.state = State.NONE
        self.booking: Booking | None = None
        self.due: int | None = None
        self.pay_by: datetime | None = None
        self.receipt = ""
        self.returned: tuple[str, ...] = ()
        self.attempt = 0
        self.asking = False

    # ------------------------------------------------------------------ decide

    @handles(PlaceOrder, exists="must-not")
    def place(self, command: PlaceOrder, stamp: Stamp) -> OrderPlaced | Rejection:
        if not self.id.startswith(ORDER):
            return no("bad-order", f"the name of an order begins with {ORDER}")
        if len(self.id) > LONGEST_ORDER or not TOKEN.fullmatch(self.id):
            return no("bad-order", f"its name has {LONGEST_ORDER} visible ASCII characters at most, no slash")
        if len(command.run.encode()) > LONGEST_RUN_BYTES:
            return no("bad-order", "no train has such a name")
        party = command.passengers
        if not all(TOKEN.fullmatch(person) for person in (command.user, *party)):
            return no("bad-token", self.id)
        if not 1 <= len(party) <= MAX_PARTY:
            return no("party-size", f"not {len(party)}")
        if len(set(party)) != len(party):
            return no("passenger-twice", self.id)
        if command.departs.tzinfo is None or command.arrives.tzinfo is None:
            return no("bad-order", "a time without a zone")
        if command.departs >= command.arrives or command.board == command.alight:
            return no("bad-order", f"{command.board} to {command.alight}")
        now = stamp.now
        if command.departs <= now:
            return no("departed", f"{command.run} left {command.board} at {command.departs}")
        if command.departs >= moment(day_of(now).isoformat(), PRESALE_DAYS * DAY):
            return no("not-on-sale-yet", f"{command.run} leaves {command.board} at {command.departs}")
        if now < (begins := self.opening.begins(command.board, command.departs)):
            return no("not-on-sale-yet", f"{command.board} sells {command.run} from {begins} on")
        return OrderPlaced(
            Booking(
                self.id,
                command.user,
                command.run,
                command.seat_class,
                command.board,
                command.alight,
                party,
                command.departs,
                command.arrives,
                command.fare,
            )
        )

    @handles(AwaitPayment)
    def await_payment(self, command: AwaitPayment) -> PaymentAwaited | Rejection | None:
        if self.state != State.PROCESSING:
            return no("not-wanted", f"{self.id} is {self.state.name}")
        return PaymentAwaited(command.amount, command.pay_by)

    @handles(StartPayment)
    def start_payment(self, command: StartPayment, stamp: Stamp) -> PaymentStarted | Rejection | None:
        if self.receipt:
            return no("paid-already", self.id)
        if self.pay_by is not None and stamp.now >= self.pay_by:
            return no("time-to-pay-over", f"{self.id} was to be paid by {self.pay_by}")
        if self.state != State.AWAITING_PAYMENT or self.due is None:
            return no("order-closed", f"{self.id} is {self.state.name}")
        return None if self.asking else PaymentStarted(self.due, self.attempt + 1)

    @handles(DeclinePayment)
    def decline_payment(self, command: DeclinePayment) -> PaymentDeclined | None:
        if not self.asking or command.attempt != self.attempt:
            return None
        return PaymentDeclined(command.attempt, command.reason)

    @handles(ReceivePayment)
    def receive_payment(self, command: ReceivePayment) -> OrderPaid | PaymentReturned | Rejection | None:
        receipt, amount = command.receipt, command.amount
        if receipt == self.receipt or receipt in self.returned:
            return None
        if amount != self.due:
            return no("wrong-amount", f"{amount} instead of {self.due or 0} fen for {self.id}")
        if self.state != State.AWAITING_PAYMENT or self.booking is None:
            return PaymentReturned(receipt, amount)
        return OrderPaid(self.booking.run, receipt, amount)

    @handles(IssueTickets)
    def issue_tickets(self, command: IssueTickets) -> TicketsIssued | None:
        return TicketsIssued() if self.state == State.PAID else None

    @handles(RefuseOrder)
    def refuse(self, command: RefuseOrder) -> OrderRefused | list[OrderRefused | PaymentRefunded] | None:
        if self.state == State.PROCESSING:
            return OrderRefused(command.reason)
        if self.state != State.PAID:
            return None
        refused = OrderRefused(command.reason, self.booking)
        return [refused, PaymentRefunded(self.receipt, self.due or 0)]

    @handles(CancelOrder)
    def cancel(self, command: CancelOrder) -> OrderCancelled | Rejection | None:
        if self.state == State.CANCELLED:
            return None
        if self.state not in (State.PROCESSING, State.AWAITING_PAYMENT) or self.booking is None:
            return no("too-late", f"{self.id} is {self.state.name}")
        return OrderCancelled(self.booking, held=self.state == State.AWAITING_PAYMENT)

    @handles(ExpireOrder)
    def expire(self, command: ExpireOrder) -> OrderExpired | None:
        if self.state != State.AWAITING_PAYMENT or self.booking is None:
            return None
        return OrderExpired(self.booking)

    # ------------------------------------------------------------------ apply

    @applies(OrderPlaced)
    def _placed(self, event: OrderPlaced) -> None:
        self.state, self.booking = State.PROCESSING, event.booking

    @applies(PaymentAwaited)
    def _payment_awaited(self, event: PaymentAwaited) -> None:
        self.state, self.due, self.pay_by = State.AWAITING_PAYMENT, event.amount, event.pay_by

    @applies(PaymentStarted)
    def _payment_started(self, event: PaymentStarted) -> None:
        self.attempt, self.asking = event.attempt, True

    @applies(PaymentDeclined)
    def _payment_declined(self, event: PaymentDeclined) -> None:
        self.asking = False

    @applies(OrderPaid)
    def _paid(self, event: OrderPaid) -> None:
        self.state, self.receipt = State.PAID, event.receipt

    @applies(PaymentReturned)
    def _payment_returned(self, event: PaymentReturned) -> None:
        self.returned += (event.receipt,)

    @applies(PaymentRefunded)
    def _payment_refunded(self, event: PaymentRefunded) -> None:
        pass  # the order was refused by the event before it

    @applies(TicketsIssued)
    def _ticketed(self, event: TicketsIssued) -> None:
        self.state = State.TICKETED

    @applies(OrderRefused)
    def _refused(self, event: OrderRefused) -> None:
        self.state = State.REFUSED

    @applies(OrderCancelled)
    def _cancelled(self, event: OrderCancelled) -> None:
        self.state = State.CANCELLED

    @applies(OrderExpired)
    def _expired(self, event: OrderExpired) -> None:
        self.state = State.EXPIRED
