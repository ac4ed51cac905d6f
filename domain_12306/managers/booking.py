"""The booking process, which takes an order from one aggregate to the next, and back if need be.

    placed → (admit, if the user cancelled today ─── refused → refuse the order)
           → reserve each passenger's trip, one by one ─┬─ all reserved → hold
                                                        └─ refused → refuse, back
    held → set the timer, await payment ── refused (cancelled meanwhile) → back
    paid → confirm the seats ─┬─ confirmed → issue tickets
                              └─ refused → refuse the order, which gives its money back → back
    the timer → expire → back          cancelled → back, if seats were held; and it counts for the user

Back: the seats are released, then each passenger's trip. Every event and every command says all that the next
step needs. The state is who has cancelled an order and on which day: only then is the account asked, which
spares all others a step.
"""

from collections.abc import Sequence

from domain_12306.messages import (
    AdmitOrder,
    AwaitPayment,
    Booking,
    ConfirmOrder,
    ExpireOrder,
    HoldSeats,
    IssueTickets,
    NoteCancellation,
    OrderAdmitted,
    OrderCancelled,
    OrderConfirmed,
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderRefused,
    RefuseOrder,
    ReleaseOrder,
    ReleaseTrip,
    ReserveTrip,
    SeatsHeld,
    TripReserved,
    account_of,
    itinerary_of,
)
from domain_12306.rules.times import TIME_TO_PAY, day_of
from engine import Commit, ProcessManager, Refusal, Send, Table, on, refused


class BookingProcess(ProcessManager, name="booking"):
    """The one booking process for all orders. A timer's key is the order's id."""

    # ------------------------------------------------------------------ forth

    @on(OrderPlaced)
    def placed(self, event: OrderPlaced, commit: Commit, send: Send, cancelled: Table[str]) -> None:
        booking = event.booking
        day = cancelled.get(booking.user)
        if day == day_of(commit.time).isoformat():
            send(AdmitOrder(account_of(booking.user), booking=booking))
            return
        if day is not None:
            del cancelled[booking.user]
        reserve_first_trip(booking, send)

    @on(OrderAdmitted)
    def admitted(self, event: OrderAdmitted, send: Send) -> None:
        reserve_first_trip(event.booking, send)

    @on(TripReserved)
    def trip_reserved(self, event: TripReserved, send: Send) -> None:
        booking, following = event.booking, event.place + 1
        if following < len(booking.passengers):
            passenger = itinerary_of(booking.passengers[following])
            send(ReserveTrip(passenger, booking=booking, place=following))
        else:
            send(HoldSeats(booking.run, booking=booking))

    @on(SeatsHeld)
    def held(self, event: SeatsHeld, commit: Commit, send: Send) -> None:
        order, held_at = event.order, commit.time
        time_to_pay = min(TIME_TO_PAY, event.departs - held_at)
        run, party, pay_by = commit.aggregate, event.passengers, held_at + time_to_pay
        send(AwaitPayment(order, amount=event.amount, pay_by=pay_by, run=run, passengers=party))
        send.after(time_to_pay, ExpireOrder(order), key=order)

    @on(OrderPaid)
    def paid(self, event: OrderPaid, commit: Commit, send: Send) -> None:
        send.cancel(commit.aggregate)
        send(ConfirmOrder(event.run, order=commit.aggregate))

    @on(OrderConfirmed)
    def confirmed(self, event: OrderConfirmed, send: Send) -> None:
        send(IssueTickets(event.order))

    # ------------------------------------------------------------------ and back

    @refused(AdmitOrder)
    def not_admitted(self, command: AdmitOrder, refusal: Refusal, send: Send) -> None:
        send(RefuseOrder(command.booking.order, reason=refusal.code))

    @refused(ReserveTrip)
    def trip_not_reserved(self, command: ReserveTrip, refusal: Refusal, send: Send) -> None:
        booking = command.booking
        send(RefuseOrder(booking.order, reason=refusal.code))
        release_trips(booking.order, booking.passengers[: command.place], send)

    @refused(HoldSeats)
    def not_held(self, command: HoldSeats, refusal: Refusal, send: Send) -> None:
        booking = command.booking
        send(RefuseOrder(booking.order, reason=refusal.code))
        release_trips(booking.order, booking.passengers, send)

    @refused(AwaitPayment)
    def not_awaited(self, command: AwaitPayment, refusal: Refusal, send: Send) -> None:
        send.cancel(command.aggregate)
        release(command.aggregate, command.run, command.passengers, send)

    @refused(ConfirmOrder)
    def not_confirmed(self, command: ConfirmOrder, refusal: Refusal, send: Send) -> None:
        if refusal.code == "already-confirmed":  # by an operator, say: the seats are its own
            send(IssueTickets(command.order))
        else:
            send(RefuseOrder(command.order, reason=refusal.code))

    @on(OrderRefused)
    def order_refused(self, event: OrderRefused, send: Send) -> None:
        if event.booking is not None:
            release_booking(event.booking, send)

    @on(OrderCancelled)
    def cancelled(self, event: OrderCancelled, commit: Commit, send: Send, cancelled: Table[str]) -> None:
        if event.held:
            user, day = event.booking.user, day_of(commit.time).isoformat()
            cancelled[user] = day
            send.cancel(commit.aggregate)
            send(NoteCancellation(account_of(user), order=commit.aggregate, date=day))
            release_booking(event.booking, send)

    @on(OrderExpired)
    def expired(self, event: OrderExpired, send: Send) -> None:
        release_booking(event.booking, send)


def reserve_first_trip(booking: Booking, send: Send) -> None:
    """Asks for the time of the first passenger; that of the others follows."""
    send(ReserveTrip(itinerary_of(booking.passengers[0]), booking=booking, place=0))


def release_booking(booking: Booking, send: Send) -> None:
    """Gives back all that a booking has."""
    release(booking.order, booking.run, booking.passengers, send)


def release(order: str, run: str, passengers: Sequence[str], send: Send) -> None:
    """Gives back the seats of an order, and the time of its passengers."""
    send(ReleaseOrder(run, order=order))
    release_trips(order, passengers, send)


def release_trips(order: str, passengers: Sequence[str], send: Send) -> None:
    """Gives back the time of these passengers."""
    for passenger in passengers:
        send(ReleaseTrip(itinerary_of(passenger), order=order))
