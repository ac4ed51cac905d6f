"""Whatever comes between the steps of an order, it ends in a legal state, and every fen is accounted for."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain_12306.aggregates.order import State
from domain_12306.app import create
from domain_12306.messages import (
    ORDER,
    CancelOrder,
    CloseRun,
    ExpireOrder,
    OpenRun,
    OrderPaid,
    PaymentRefunded,
    PlaceOrder,
    ReceivePayment,
    TripReserved,
)
from domain_12306.rules.times import moment
from domain_12306.views.answers import Journey
from domain_12306.views.inventory import SeatInventory
from domain_12306.views.orders import Orders, OrderShown
from engine import EventLog
from engine.testing import InlineEngine

DAY = "2026-11-25"
STOPS = [("a", 540, 540), ("b", 600, 605), ("c", 660, 660)]
RUN, SEATS = f"T1/{DAY}", 3
START = moment("2026-11-24", 480)
ENDS = (State.TICKETED, State.REFUSED, State.CANCELLED, State.EXPIRED)


class Booking(RuleBasedStateMachine):
    """Users order, pay, pay again, change their minds and let time pass, and the booking process gets its
    turns in between, or not."""

    orders = Bundle("orders")

    @initialize()
    def open(self) -> None:
        app = create({"calendar": "off"})
        self.engine = InlineEngine(app, start_ns=int(START.timestamp()) * 1_000_000_000)
        opened = OpenRun(RUN, composition=[(1, "O", SEATS)], stops=STOPS)
        assert self.engine.send(opened).ok
        self.placed: dict[str, int] = {}
        self.on_sale = True

    @rule(
        target=orders,
        user=st.sampled_from(["u", "v"]),
        journey=st.sampled_from([("a", "c", 2_000), ("a", "b", 1_000), ("b", "c", 1_000)]),
        passengers=st.lists(st.sampled_from("pqr"), min_size=1, max_size=3, unique=True),
    )
    def place(self, user: str, journey: tuple[str, str, int], passengers: list[str]) -> str:
        board, alight, fare = journey
        times = {station: (moment(DAY, arrive), moment(DAY, depart)) for station, arrive, depart in STOPS}
        order = f"{ORDER}{len(self.placed)}"
        self.placed[order] = fare * len(passengers)
        command = PlaceOrder(
            order,
            user=user,
            run=RUN,
            seat_class="O",
            board=board,
            alight=alight,
            passengers=passengers,
            departs=times[board][1],
            arrives=times[alight][0],
            fare=fare,
        )
        assert self.engine.send(command).ok
        return order

    @rule(order=orders, receipt=st.sampled_from(["r", "s"]))
    def pay(self, order: str, receipt: str) -> None:
        self.engine.send(ReceivePayment(order, receipt=receipt, amount=self.placed[order]))

    @rule(order=orders)
    def cancel(self, order: str) -> None:
        self.engine.send(CancelOrder(order))

    @rule(order=orders)
    def expire_early(self, order: str) -> None:
        """As a timer does that fires again."""
        if (shown := self._shown(order)) is not None and shown.state is not State.AWAITING_PAYMENT:
            self.engine.send(ExpireOrder(order))

    @precondition(lambda self: hasattr(self, "engine") and self.on_sale)
    @rule(chance=st.integers(0, 3))
    def take_off(self, chance: int) -> None:
        if chance == 0 and self.placed:
            assert self.engine.send(CloseRun(RUN)).ok
            self.on_sale = False

    @rule(turns=st.integers(1, 5))
    def go_on(self, turns: int) -> None:
        for _ in range(turns):
            self.engine.turn()

    @rule(minutes=st.sampled_from([1, 20, 31]))
    def wait(self, minutes: int) -> None:
        self.engine.time_passes(minutes=minutes)

    @invariant()
    def no_seat_is_sold_twice(self) -> None:
        if hasattr(self, "engine") and self.on_sale:
            for board, alight in (("a", "b"), ("b", "c")):
                (entry,) = self.engine.query(SeatInventory.remaining, Journey(board, alight, DAY))
                assert 0 <= entry.remaining["O"] <= SEATS

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        with self.engine as engine:
            engine.settle()
            engine.time_passes(timedelta(minutes=31))
            engine.settle()
            shown = [self._shown(order) for order in self.placed]
            seats = {"a": 0, "b": 0}
            kept = self._kept()
            for one in shown:
                assert one is not None
                assert one.state in ENDS, one
                ticketed = one.state is State.TICKETED
                assert one.paid == kept.get(one.order, 0) == (one.amount if ticketed else 0), one
                assert one.amount == self.placed[one.order]
                for station in seats:
                    if ticketed and one.board <= station < one.alight:
                        seats[station] += len(one.passengers)
            tickets = [one for one in shown if one is not None and one.state is State.TICKETED]
            travel = {(passenger, one.order) for one in tickets for passenger in one.passengers}
            assert self._trips() == travel, "no one's time is taken for nothing"
            for board, alight in (("a", "b"), ("b", "c")) if self.on_sale else ():
                (entry,) = engine.query(SeatInventory.remaining, Journey(board, alight, DAY))
                assert entry.remaining["O"] == SEATS - seats[board], "no seat is held for no one"

    def _shown(self, order: str) -> OrderShown | None:
        shown: OrderShown | None = self.engine.query(Orders.order, id=order)
        return shown

    def _trips(self) -> set[tuple[str, str]]:
        """(passenger, order) of the trips that passengers have in the end, from the log."""
        trips: set[tuple[str, str]] = set()
        with EventLog(self.engine.data, app=self.engine.app) as log:
            for entry in log.read(types=["trip.reserved", "trip.released"]):
                passenger = entry.commit.aggregate.removeprefix("itinerary-")
                for event in entry.commit.events:
                    if isinstance(event, TripReserved):
                        trips.add((passenger, event.booking.order))
                    else:
                        trips.remove((passenger, event.order))
        return trips

    def _kept(self) -> dict[str, int]:
        """What was received for each order and not sent back, from the log."""
        kept: dict[str, int] = {}
        self.engine.settle()
        with EventLog(self.engine.data, app=self.engine.app) as log:
            for entry in log.read(types=["order.paid", "payment.refunded"]):
                order = entry.commit.aggregate
                for event in entry.commit.events:
                    if isinstance(event, OrderPaid | PaymentRefunded):
                        sign = 1 if isinstance(event, OrderPaid) else -1
                        kept[order] = kept.get(order, 0) + sign * event.amount
        return kept


NAMES = st.text(min_size=1, max_size=64) | st.sampled_from(["🚄" * 48, "🚄" * 64, "张" * 64, "/", "p", RUN])


@settings(max_examples=15, deadline=None)
@given(order=NAMES, user=NAMES, run=NAMES, station=NAMES, passengers=st.lists(NAMES, min_size=1, max_size=3))
def test_whatever_names_an_order_has_the_booking_process_can_send_what_follows(
    order: str, user: str, run: str, station: str, passengers: list[str]
) -> None:
    app = create({"calendar": "off"})
    with InlineEngine(app, start_ns=int(START.timestamp()) * 1_000_000_000) as engine:
        opened = OpenRun(RUN, composition=[(1, "O", SEATS)], stops=STOPS)
        assert engine.send(opened).ok
        asked = [("a", ORDER + order), (station, f"{ORDER}2"), ("a", f"{ORDER}3")]
        for number, (of, name) in enumerate(asked):
            command = PlaceOrder(
                name if len(name.encode()) <= 200 else f"{ORDER}1",
                user=user,
                run=run if number == 2 else RUN,
                seat_class="O",
                board=of,
                alight="c",
                passengers=passengers,
                departs=moment(DAY, 540),
                arrives=moment(DAY, 660),
                fare=2_000,
            )
            receipt = engine.send(command)
            engine.settle()
            shown = engine.query(Orders.order, id=command.aggregate)
            assert receipt.outcome in ("committed", "rejected"), receipt
            assert receipt.ok == (shown is not None and shown.state is not State.PROCESSING)


TestBooking: Any = Booking.TestCase
TestBooking.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)


class BookingForLonger(Booking):
    """The same, more often."""


TestBookingForLonger: Any = pytest.mark.smoke(BookingForLonger.TestCase)
TestBookingForLonger.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
