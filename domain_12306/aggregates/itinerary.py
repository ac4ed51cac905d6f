"""The itinerary of a passenger, who can be on one train at a time.

    the same train on the same date    one ticket, unless each journey begins where the one before it ends
    other trains                       not at the same time, and with time to change between two of them
"""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import ClassVar

import msgspec

from domain_12306.messages import Booking, ReleaseTrip, ReserveTrip, TripReleased, TripReserved
from domain_12306.reference.stations import Stations
from domain_12306.rules.rejections import no
from domain_12306.rules.times import PRESALE_DAYS, SAME_CITY, SAME_STATION
from engine import Aggregate, Rejection, applies, handles

LONGEST_AHEAD = timedelta(days=PRESALE_DAYS + 1)  # of a departure; the one more is for the time to change


class Trip(msgspec.Struct, frozen=True, array_like=True):
    """What a passenger does at a time."""

    run: str
    board: str
    alight: str
    departs: datetime
    arrives: datetime


class Itinerary(Aggregate):
    """One passenger, known by a token. `stations`: the application's reference data (see `app.py`)."""

    stations: ClassVar[Stations]

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.trips: dict[str, Trip] = {}  # by order

    @handles(ReserveTrip, exists="may")
    def reserve(self, command: ReserveTrip) -> TripReserved | Rejection | None:
        booking = command.booking
        if booking.order in self.trips:
            return None
        trip = trip_of(booking)
        for order, other in self.trips.items():
            if trip.run != other.run and (code := self._against(trip, other)):
                return no(code, f"{trip.run} and {other.run} of order {order}")
        of_train = sorted((one for one in (trip, *self.trips.values()) if one.run == trip.run), key=_departs)
        if not all(_follows(second, first) for first, second in pairwise(of_train)):
            return no("same-train", f"{trip.run}, {trip.board} to {trip.alight}")
        return TripReserved(booking, command.place)

    @handles(ReleaseTrip, exists="may")
    def release(self, command: ReleaseTrip) -> TripReleased | None:
        return TripReleased(command.order) if command.order in self.trips else None

    @applies(TripReserved)
    def _reserved(self, event: TripReserved) -> None:
        # Nothing is sold further ahead than the presale, so what had ended before it was over by then.
        over = event.booking.departs - LONGEST_AHEAD
        for order in [order for order, trip in self.trips.items() if trip.arrives <= over]:
            del self.trips[order]
        self.trips[event.booking.order] = trip_of(event.booking)

    @applies(TripReleased)
    def _released(self, event: TripReleased) -> None:
        del self.trips[event.order]

    def _against(self, trip: Trip, other: Trip) -> str:
        """The code of the rule that trips on two trains break together; empty if they keep all of them."""
        first, second = sorted((trip, other), key=_departs)
        if second.departs < first.arrives:
            return "trips-overlap"
        pause = second.departs - first.arrives
        if first.alight == second.board:
            return "" if pause >= SAME_STATION else "transfer-too-short"
        together = self.stations.city(first.alight) == self.stations.city(second.board)
        return "transfer-too-short" if together and pause < SAME_CITY else ""


def _follows(second: Trip, first: Trip) -> bool:
    return first.alight == second.board and first.arrives <= second.departs


def _departs(trip: Trip) -> datetime:
    return trip.departs


def trip_of(booking: Booking) -> Trip:
    """The part of a booking that fills a passenger's time."""
    return Trip(booking.run, booking.board, booking.alight, booking.departs, booking.arrives)
