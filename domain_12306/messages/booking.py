"""A booking, which goes from aggregate to aggregate, and what a train-run does for it."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from domain_12306.messages.train_run import Name, OrderId
from engine import Command, Event

Token = Annotated[str, Meta(min_length=1, max_length=64)]
"""What stands for a person. It is made at random: names and numbers of papers are never in a message."""

RunId = Annotated[str, Meta(min_length=1, max_length=64)]
"""A train-run: `G71/2026-11-23`."""

Fen = Annotated[int, Meta(ge=0, le=100_000_000)]
"""Money: hundredths of a yuan, always whole."""

Party = Annotated[list[Token], Meta(max_length=9)]
"""Bounded where it is decoded; that five is the most is a rule of the order."""


ORDER = "order-"
"""What the id of an order begins with. Aggregates of all kinds share their names, so that without it an order
could be placed under what stands for a person, whose trips could not be kept any more."""


def account_of(user: str) -> str:
    """The account of a user."""
    return f"account-{user}"


def itinerary_of(passenger: str) -> str:
    """The itinerary of a passenger."""
    return f"itinerary-{passenger}"


class Booking(msgspec.Struct, frozen=True):
    """What is booked. It goes along, so that each step knows what the next one needs.

    `departs`, `arrives`: at the boarding stop and at the last one; `fare`: of one passenger. The train-run
    checks all three against its own plan before it holds a seat.
    """

    order: OrderId
    user: Token
    run: RunId
    seat_class: Name
    board: Name
    alight: Name
    passengers: Party
    departs: datetime
    arrives: datetime
    fare: Fen


class HoldSeats(
    Command,
    name="seats.hold",
    rejects=(
        "run-not-open",
        "unknown-stop",
        "from-not-before-to",
        "class-not-on-train",
        "party-size",
        "passenger-twice",
        "order-exists",
        "sold-out",
        "times-differ",
        "fare-differs",
        "departed",
    ),
):
    """Reserves the seats of a booking, all or none, if its times and its fare are those of the train."""

    booking: Booking


class SeatsHeld(Event, name="seats.held"):
    """Seats are reserved for an order. `departs`: at the boarding stop; `amount`: what all of them cost, in
    fen."""

    order: str
    passengers: list[str]
    departs: datetime
    amount: int
