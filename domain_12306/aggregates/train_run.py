"""The train-run: one train on one origin date. It sells journeys, each on one seat over all its segments."""

from datetime import date as Date
from typing import ClassVar, cast

from domain_12306.messages import (
    CloseRun,
    ConfirmOrder,
    HoldSeats,
    OpenRun,
    OrderConfirmed,
    ReleaseOrder,
    ReserveSeats,
    RunClosed,
    RunOpened,
    SeatsHeld,
    SeatsReleased,
    SeatsReserved,
)
from domain_12306.reference.coaches import Compositions, problem_with, totals
from domain_12306.reference.plan import NOT_OPEN, PLANS, CoachTuple, FareTuple, Plan, StopTuple
from domain_12306.reference.timetable import Timetable, problem_with_fares, problem_with_stops
from domain_12306.rules.rejections import no
from domain_12306.rules.times import moment
from domain_12306.seating.gaps import SeatClass, Seating
from domain_12306.seating.policy import Policy, group
from engine import Aggregate, Rejection, Stamp, applies, handles

MAX_PARTY = 5
FIRST_YEAR, LAST_YEAR = 1970, 2199  # of an origin date: within what a clock of a node shows

# A live order of one passenger is one integer, a party's a tuple of them: with millions of orders in
# memory that is a third of what objects cost, and the garbage collector never looks at it.
#     seat | class number (4 bits) | board (6) | alight (6) | confirmed (1)
CONFIRMED = 1
CLASS_AT, SEAT_AT = 13, 17
JOURNEY_OF = [(i, j) for i in range(64) for j in range(64)]  # look-ups, as shifting costs twice their time
BITS_OF = [[i << 7 | j << 1 for j in range(64)] for i in range(64)]

Held = int | tuple[int, ...]
Saved = tuple[StopTuple, CoachTuple, FareTuple, list[Seating | None], dict[str, Held]]


class TrainRun(Aggregate):
    """One run. `timetable`, `compositions` and `policy` are the application's reference data (see
    `app.py`)."""

    __slots__ = ("_classes", "_orders", "plan")

    timetable: ClassVar[Timetable]
    compositions: ClassVar[Compositions]
    policy: ClassVar[Policy]

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.plan: Plan = NOT_OPEN
        # By class number. Shared by all runs of the plan until the first sale: an untouched run costs its id.
        self._classes: tuple[SeatClass, ...] = ()
        self._orders: dict[str, Held] = {}

    # ------------------------------------------------------------------ decide

    @handles(OpenRun, exists="must-not")
    def open(self, command: OpenRun) -> RunOpened | Rejection:
        train, _, date = self.id.partition("/")
        if not train or not _is_date(date):
            return no("bad-run-id", repr(self.id))
        stops, listed, fares = command.stops, command.composition, command.fares
        if stops and isinstance(listed, list) and fares and PLANS.knows(stops, listed, fares):
            return RunOpened(train, date, stops, listed, fares)
        if stops is None:
            stops = self.timetable.stop_list(train)
            if stops is None:
                return no("unknown-train", train)
        elif problem := problem_with_stops(stops):
            return no("bad-stops", problem)
        wanted = listed
        if wanted is None:
            coaches = self.compositions.of_train(train)
        elif isinstance(wanted, str):
            coaches = self.compositions.named(wanted)
        else:
            coaches = wanted
        if coaches is None:
            return no("unknown-composition", str(wanted))
        if problem := problem_with(coaches):
            return no("bad-composition", problem)
        if fares is None:
            fares = self.timetable.fares(train, totals(coaches)) if command.stops is None else {}
        elif problem := problem_with_fares(fares, stops):
            return no("bad-fares", problem)
        return RunOpened(train, date, stops, coaches, fares)

    @handles(CloseRun, exists="may")
    def close(self, command: CloseRun) -> RunClosed | Rejection:
        return no("run-not-open", self.id) if self.plan is NOT_OPEN else RunClosed()

    @handles(ReserveSeats, exists="may")
    def reserve(self, command: ReserveSeats, stamp: Stamp) -> SeatsReserved | Rejection:
        plan = self.plan
        code = command.seat_class
        try:
            i = plan.index[command.board]
            j = plan.index[command.alight]
            seats = self._classes[plan.number[code]]
        except KeyError:
            return self._nothing_such(command)
        if i >= j:
            return no("from-not-before-to", f"{self.id}, {command.board} to {command.alight}")
        order = command.order
        if order in self._orders:
            return no("order-exists", f"{self.id}, {order}")
        passengers = command.passengers
        party = len(passengers)
        if party == 1:
            pick = self.policy.single(seats, i, j, stamp.sequence)
            if pick is None:
                return self._sold_out(command)
            return SeatsReserved(order, code, i, j, [pick], passengers)
        if not 1 <= party <= MAX_PARTY:
            return no("party-size", f"not {party}")
        if len(set(passengers)) != party:
            return no("passenger-twice", f"{self.id}, order {order}")
        picks = group(self.policy, plan.layout(code), seats, i, j, party)
        if picks is None:
            return self._sold_out(command)
        return SeatsReserved(order, code, i, j, picks, passengers)

    @handles(HoldSeats, exists="may")
    def hold(self, command: HoldSeats, stamp: Stamp) -> list[SeatsReserved | SeatsHeld] | Rejection:
        booking = command.booking
        # A booking asks for the same as the command does, under the same names.
        reserved = self.reserve(cast(ReserveSeats, booking), stamp)
        if isinstance(reserved, Rejection):
            return reserved
        day = self.id.partition("/")[2]
        stops, i, j = self.plan.stops, reserved.board, reserved.alight
        departs = moment(day, stops[i][2])
        if (booking.departs, booking.arrives) != (departs, moment(day, stops[j][1])):
            return no("times-differ", f"{self.id}, {booking.departs} to {booking.arrives}")
        if departs <= stamp.now:
            return no("departed", f"{self.id} left {booking.board} at {departs}")
        if booking.fare != (price := self.plan.fare(booking.seat_class, i, j)):
            return no("fare-differs", f"{self.id}, {booking.fare} fen instead of {price}")
        party = booking.passengers
        return [reserved, SeatsHeld(booking.order, party, departs, booking.fare * len(party))]

    @handles(ConfirmOrder, exists="may")
    def confirm(self, command: ConfirmOrder) -> OrderConfirmed | Rejection:
        held = self._orders.get(command.order)
        if held is None:
            return self._no_such_order(command.order)
        if (held if isinstance(held, int) else held[0]) & CONFIRMED:
            return no("already-confirmed", command.order)
        return OrderConfirmed(command.order)

    @handles(ReleaseOrder, exists="may")
    def release(self, command: ReleaseOrder) -> SeatsReleased | Rejection:
        order = command.order
        held = self._orders.get(order)
        if held is None:
            return self._no_such_order(order)
        if isinstance(held, int):
            i, j = JOURNEY_OF[held >> 1 & 4095]
            number = held >> CLASS_AT & 15
            picks = [self._classes[number].gap_around(held >> SEAT_AT, i, j)]
        else:
            i, j = JOURNEY_OF[held[0] >> 1 & 4095]
            number = held[0] >> CLASS_AT & 15
            picks = [self._classes[number].gap_around(one >> SEAT_AT, i, j) for one in held]
        return SeatsReleased(order, self.plan.codes[number], i, j, picks)

    # ------------------------------------------------------------------ apply

    @applies(RunOpened)
    def _opened(self, event: RunOpened) -> None:
        self.plan = plan = PLANS.of(event.stops, event.coaches, event.fares)
        self._classes = plan.pristine

    @applies(RunClosed)
    def _closed(self, event: RunClosed) -> None:
        self.plan, self._classes, self._orders = NOT_OPEN, (), {}

    @applies(SeatsReserved)
    def _reserved(self, event: SeatsReserved) -> None:
        i, j = event.board, event.alight
        number = self.plan.number[event.seat_class]
        seats = self._classes[number]
        if seats.shared:
            seats = self._own_class(number)
        chosen = event.seats
        tag = number << CLASS_AT | BITS_OF[i][j]
        if len(chosen) == 1:
            pick = chosen[0]
            seats.take(pick, i, j)
            self._orders[event.order] = pick[0] << SEAT_AT | tag
            return
        for pick in chosen:
            seats.take(pick, i, j)
        self._orders[event.order] = tuple([pick[0] << SEAT_AT | tag for pick in chosen])

    @applies(SeatsHeld)
    def _held(self, event: SeatsHeld) -> None:
        pass  # the seats were reserved by the event before it

    @applies(OrderConfirmed)
    def _confirmed(self, event: OrderConfirmed) -> None:
        held = self._orders[event.order]
        self._orders[event.order] = (
            held | CONFIRMED if isinstance(held, int) else tuple([one | CONFIRMED for one in held])
        )

    @applies(SeatsReleased)
    def _released(self, event: SeatsReleased) -> None:
        seats = self._classes[self.plan.number[event.seat_class]]
        i, j = event.board, event.alight
        for pick in event.seats:
            seats.give_back(pick, i, j)
        del self._orders[event.order]

    # ------------------------------------------------------------------ state as a value

    def save_state(self) -> Saved | None:
        """Stops, coaches and fares, the sold seats of each class (None: untouched), and the live orders."""
        plan = self.plan
        if plan is NOT_OPEN:
            return None
        classes = [None if seats.shared else seats.save() for seats in self._classes]
        return plan.stops, plan.coaches, plan.fares, classes, dict(self._orders)

    def load_state(self, state: Saved | None) -> None:
        if state is None:
            return
        stops, coaches, fares, classes, self._orders = state
        self.plan = plan = PLANS.of(stops, coaches, {code: list(table) for code, table in fares})
        self._classes = tuple(
            [
                pristine if saved is None else SeatClass.load(pristine.capacity, plan.segments, saved)
                for pristine, saved in zip(plan.pristine, classes, strict=True)
            ]
        )

    # ------------------------------------------------------------------ helpers

    def remaining(self, seat_class: str, i: int, j: int) -> int:
        """Seats of a class that are free from stop i to stop j; KeyError where there is no such class."""
        return self._classes[self.plan.number[seat_class]].remaining(i, j)

    def _own_class(self, number: int) -> SeatClass:
        classes = self._classes
        shared = classes[number]
        seats = SeatClass(shared.capacity, shared.shape.segments)
        self._classes = (*classes[:number], seats, *classes[number + 1 :])
        return seats

    def _nothing_such(self, command: ReserveSeats) -> Rejection:
        if self.plan is NOT_OPEN:
            return no("run-not-open", self.id)
        for station in (command.board, command.alight):
            if station not in self.plan.index:
                return no("unknown-stop", f"{self.id}, {station}")
        return no("class-not-on-train", f"{self.id}, {command.seat_class}")

    def _sold_out(self, command: ReserveSeats) -> Rejection:
        return no(
            "sold-out",
            f"{self.id}, class {command.seat_class}, {command.board} to {command.alight},"
            f" {len(command.passengers)} wanted",
        )

    def _no_such_order(self, order: str) -> Rejection:
        if self.plan is NOT_OPEN:
            return no("run-not-open", self.id)
        return no("unknown-order", f"{self.id}, {order}")


def _is_date(text: str) -> bool:
    try:
        date = Date.fromisoformat(text)
        return date.isoformat() == text and FIRST_YEAR <= date.year <= LAST_YEAR
    except ValueError:
        return False
