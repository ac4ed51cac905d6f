"""A small model of ticket selling: dictionaries and one bit mask a segment, written from the rules alone.

It is fed with the commands of the journal in order and with what the engine decided, and says where
the two differ. It looks at neither the engine's code nor the domain's: an error made there is not made here.

Seats of one passenger are predicted exactly (best fit, then lowest number); of a party it is checked that
each seat was free and each gap is what it says.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MAX_PARTY = 5

Document = dict[str, Any]


@dataclass
class Order:
    """Seats that are held."""

    seat_class: str
    board: int
    alight: int
    seats: list[int]
    confirmed: bool = False


@dataclass
class Run:
    """One train-run: its stops, and per class a mask of taken seats for each segment."""

    stops: list[str]
    capacity: dict[str, int]
    taken: dict[str, list[int]]
    orders: dict[str, Order] = field(default_factory=dict)
    version: int = 0

    def free(self, seat_class: str, board: int, alight: int) -> int:
        taken = 0
        for segment in range(board, alight):
            taken |= self.taken[seat_class][segment]
        return ~taken & (1 << self.capacity[seat_class]) - 1

    def gap(self, seat_class: str, seat: int, board: int, alight: int) -> tuple[int, int]:
        """The free stretch of a seat around a journey on it that is free."""
        masks = self.taken[seat_class]
        while board > 0 and not masks[board - 1] >> seat & 1:
            board -= 1
        while alight < len(masks) and not masks[alight] >> seat & 1:
            alight += 1
        return board, alight

    def best(self, seat_class: str, board: int, alight: int) -> int | None:
        """The seat in the shortest enclosing gap, then the lowest."""
        rest = self.free(seat_class, board, alight)
        best: tuple[int, int] | None = None
        while rest:
            seat = (rest & -rest).bit_length() - 1
            rest &= rest - 1
            start, end = self.gap(seat_class, seat, board, alight)
            if best is None or (end - start, seat) < best:
                best = end - start, seat
        return best[1] if best else None

    def mark(self, order: Order, taken: bool) -> None:
        for seat in order.seats:
            for segment in range(order.board, order.alight):
                if taken:
                    self.taken[order.seat_class][segment] |= 1 << seat
                else:
                    self.taken[order.seat_class][segment] &= ~(1 << seat)


class Model:
    """All runs, and every difference found so far in `differences`. `foreign`: (run, version) of what another
    program appended, which changes nothing but the version."""

    def __init__(self, foreign: Iterable[tuple[str, int]] = ()) -> None:
        self._foreign = set(foreign)
        self.runs: dict[str, Run] = {}
        self.handled: set[str] = set()
        self.differences: list[str] = []

    def take(self, command: Document, events: list[Document] | None, version: int | None) -> None:
        """One command of the journal and, where it was committed, its events and version."""
        if command["id"] in self.handled:
            return  # a duplicate: it must have had no effect of its own
        self.handled.add(command["id"])
        name, kind = command["aggregate"], command["type"]
        run = self.runs.get(name)
        expected = self._expected(run, kind, command)
        committed = events is not None
        if committed != (expected == "committed"):
            found = "committed" if committed else "not committed"
            self._differ(command, f"expected {expected}, found {found}")
            return
        if not committed:
            return
        assert events is not None
        if len(events) != 1:
            self._differ(command, f"{len(events)} events")
            return
        self._apply(command, events[0])
        run = self.runs[name]
        run.version += 1
        while (name, run.version) in self._foreign:
            run.version += 1
        if version != run.version:
            self._differ(command, f"expected version {run.version}, found {version}")

    def fold(self, aggregate: str, events: list[Document]) -> None:
        """Events alone, as a view sees them."""
        for event in events:
            if event["type"] == "run.remarked":
                continue
            if event["type"] in ("run.opened", "order.confirmed"):
                self._apply({"aggregate": aggregate}, event)
                continue
            run = self.runs[aggregate]
            seats = [seat for seat, _, _ in event["seats"]]
            order = Order(event["seat_class"], event["board"], event["alight"], seats)
            released = event["type"] == "seats.released"
            run.mark(order, taken=not released)
            if released:
                run.orders.pop(event["order"])
            else:
                run.orders[event["order"]] = order

    def _expected(self, run: Run | None, kind: str, command: Document) -> str:
        if kind == "run.open":
            return "committed" if run is None else "already-exists"
        if run is None:
            return "run-not-open"
        order = run.orders.get(command["order"])
        if kind == "order.release":
            return "committed" if order else "unknown-order"
        if kind == "order.confirm":
            return "committed" if order and not order.confirmed else "no"
        board, alight = command["board"], command["alight"]
        if board not in run.stops or alight not in run.stops:
            return "unknown-stop"
        if run.stops.index(board) >= run.stops.index(alight):
            return "from-not-before-to"
        party = len(command["passengers"])
        if order or command["seat_class"] not in run.capacity or not 1 <= party <= MAX_PARTY:
            return "no"
        if len(set(command["passengers"])) < party:
            return "no"
        free = run.free(command["seat_class"], run.stops.index(board), run.stops.index(alight))
        return "committed" if free.bit_count() >= party else "sold-out"

    def _apply(self, command: Document, event: Document) -> None:
        name, kind = command["aggregate"], event["type"]
        if kind == "run.opened":
            stops = [stop[0] for stop in event["stops"]]
            capacity: dict[str, int] = {}
            for _, seat_class, seats in event["coaches"]:
                capacity[seat_class] = capacity.get(seat_class, 0) + seats
            self.runs[name] = Run(stops, capacity, {c: [0] * (len(stops) - 1) for c in capacity})
            return
        run = self.runs[name]
        if kind == "order.confirmed":
            run.orders[event["order"]].confirmed = True
            return
        if kind == "seats.released":
            order = run.orders.pop(event["order"])
            if sorted(seat for seat, _, _ in event["seats"]) != sorted(order.seats):
                self._differ(command, "other seats are released than were held")
            run.mark(order, taken=False)
            for seat, start, end in event["seats"]:
                if (start, end) != run.gap(order.seat_class, seat, order.board, order.alight):
                    self._differ(command, f"the gap that results on seat {seat} is not {start}–{end}")
            return
        seat_class, board, alight = event["seat_class"], event["board"], event["alight"]
        seats = [seat for seat, _, _ in event["seats"]]
        if (run.stops[board], run.stops[alight]) != (command["board"], command["alight"]):
            self._differ(command, "the journey sold is not the journey asked for")
        if len(set(seats)) != len(command["passengers"]):
            self._differ(command, f"{len(seats)} seats for {len(command['passengers'])} passengers")
        if len(seats) == 1 and seats[0] != run.best(seat_class, board, alight):
            self._differ(command, f"seat {seats[0]} is not the best fit")
        free = run.free(seat_class, board, alight)
        for seat, start, end in event["seats"]:
            if not free >> seat & 1:
                self._differ(command, f"seat {seat} was sold twice")
            elif (start, end) != run.gap(seat_class, seat, board, alight):
                self._differ(command, f"the gap of seat {seat} is not {start}–{end}")
        order = Order(seat_class, board, alight, seats)
        run.mark(order, taken=True)
        run.orders[event["order"]] = order

    def _differ(self, command: Document, text: str) -> None:
        self.differences.append(f"{command['type']} {command['id']} on {command['aggregate']}: {text}")
