"""Commands and events of a train-run. An aggregate's id is `<train>/<origin date>`: `G71/2026-11-23`.

Stops are named in commands and numbered from 0 in events; seats are numbered from 0 within their class
(`seats.py` turns numbers into what is printed on a ticket). `rejections.py` has the reasons for refusals.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from engine import Command, Event

Name = Annotated[str, Meta(max_length=64)]
"""Of a station, a class, a passenger: bounded because refusals repeat them and are remembered."""

OrderId = Annotated[str, Meta(min_length=1, max_length=64)]
"""Bounded where it is decoded: it stays in memory for as long as the order lives."""

CoachList = list[tuple[int, str, int]]
"""Per coach and class: coach number from 1, class code, seats."""

StopList = list[tuple[str, int, int]]
"""Per stop: station, arrival and departure in minutes from midnight of the origin date."""

FareTable = dict[str, list[int | None]]
"""Per class: what a journey from the origin to each stop costs, in fen; None where the class is not sold."""

SeatGaps = list[tuple[int, int, int]]
"""Per seat: its number in the class and the free gap [start, end) around the journey."""


class OpenRun(
    Command,
    name="run.open",
    rejects=(
        "bad-run-id",
        "unknown-train",
        "bad-stops",
        "unknown-composition",
        "bad-composition",
        "bad-fares",
    ),
):
    """Puts a train on sale for a date, both from the id of the aggregate.

    `composition`: a name, a list of coaches, or (None) by the rule table. `stops`, `fares`: None is the
    timetable's; others stand in for it, for trains that the timetable does not have.
    """

    composition: Name | CoachList | None = None
    stops: StopList | None = None
    fares: FareTable | None = None


class ReserveSeats(
    Command,
    name="seats.reserve",
    rejects=(
        "run-not-open",
        "unknown-stop",
        "from-not-before-to",
        "class-not-on-train",
        "party-size",
        "passenger-twice",
        "order-exists",
        "sold-out",
    ),
):
    """Reserves seats for 1 to 5 passengers on one journey, all or none."""

    order: OrderId
    seat_class: Name
    board: Name
    alight: Name
    passengers: list[Name]


class ConfirmOrder(
    Command, name="order.confirm", rejects=("run-not-open", "unknown-order", "already-confirmed")
):
    """Confirms an order that was paid, so that its seats are sold and not only held."""

    order: OrderId


class ReleaseOrder(Command, name="order.release", rejects=("run-not-open", "unknown-order")):
    """Gives back the seats of an order, confirmed or not: an expired hold or a refund."""

    order: OrderId


class CloseRun(Command, name="run.close", rejects=("run-not-open",)):
    """The train has arrived: nothing of it is asked for any more."""


class RunOpened(Event, name="run.opened"):
    """A train is on sale. Later sales depend on this event alone, never on the timetable of their day."""

    train: str
    date: str
    stops: StopList
    coaches: CoachList
    fares: FareTable = msgspec.field(default_factory=FareTable)


class RunClosed(Event, name="run.closed"):
    """A train has arrived. What was sold stands in its tickets, and seats take no more memory."""


class SeatsReserved(Event, name="seats.reserved"):
    """Seats are held. Each comes with the gap that it was cut from, so that a view can count without a seat
    map."""

    order: str
    seat_class: str
    board: int
    alight: int
    seats: SeatGaps
    passengers: list[str]


class OrderConfirmed(Event, name="order.confirmed"):
    """An order is paid, and its seats are sold."""

    order: str


class SeatsReleased(Event, name="seats.released"):
    """Seats are free again. Each comes with the gap that results."""

    order: str
    seat_class: str
    board: int
    alight: int
    seats: SeatGaps
