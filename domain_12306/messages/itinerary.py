"""Commands and events of an itinerary: the trips of one passenger, who can be on one train at a time."""

from domain_12306.messages.booking import Booking
from domain_12306.messages.train_run import OrderId
from engine import Command, Event


class ReserveTrip(
    Command, name="trip.reserve", rejects=("same-train", "trips-overlap", "transfer-too-short")
):
    """Takes a place in the passenger's time. `place`: of the passenger in the order, from 0."""

    booking: Booking
    place: int


class ReleaseTrip(Command, name="trip.release"):
    """The order has come to nothing, and the passenger's time is free again."""

    order: OrderId


class TripReserved(Event, name="trip.reserved"):
    """The passenger travels then, if the order comes to be ticketed."""

    booking: Booking
    place: int


class TripReleased(Event, name="trip.released"):
    """The passenger does not travel with this order."""

    order: str
