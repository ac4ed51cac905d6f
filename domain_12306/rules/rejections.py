"""The codes of this domain's rejections. They are stable, because clients compare them.

`already-exists` (opening a run twice) and `wrong-version` are the engine's own.
"""

from engine import Rejection, reject

REJECTIONS = {
    "bad-run-id": "the aggregate is not named <train>/<date> with a date such as 2026-11-23",
    "unknown-train": "the timetable has no such train and the command brings no stops",
    "bad-stops": "the stops that the command brings make no train",
    "unknown-composition": "no composition has that name",
    "bad-composition": "the coaches that the command brings make no train",
    "bad-fares": "the fares that the command brings do not fit the stops",
    "run-not-open": "the train-run is not on sale",
    "unknown-stop": "the train does not call at that station",
    "from-not-before-to": "the train does not go from the one station to the other",
    "class-not-on-train": "the train has no seats of that class",
    "party-size": "an order is for 1 to 5 passengers",
    "passenger-twice": "one passenger is named twice in an order",
    "order-exists": "the order already has seats on this run",
    "sold-out": "too few seats are free over the whole journey",
    "unknown-order": "the run holds no seats for that order",
    "already-confirmed": "the order is confirmed",
    "times-differ": "the train does not run at the times that the order says",
    "fare-differs": "the journey does not cost what the order says",
    "departed": "the train has left the boarding stop",
    "bad-order": "the order makes no journey",
    "bad-token": "what stands for a user or a passenger has visible ASCII characters, and no slash",
    "not-on-sale-yet": "the journey begins after the days that are on sale",
    "not-wanted": "the order does not wait for seats",
    "order-closed": "the order does not wait for money",
    "too-late": "the order cannot be cancelled any more",
    "too-many-cancellations": "the user has cancelled too many orders today",
    "same-train": "the passenger has a ticket for this train on this date",
    "trips-overlap": "the passenger travels on another train at that time",
    "transfer-too-short": "the passenger cannot change trains in so short a time",
    "paid-already": "the money for the order has come in",
    "time-to-pay-over": "the order is no longer to be paid",
    "wrong-amount": "this is not the amount that is due",
}


def no(code: str, detail: str) -> Rejection:
    """A rejection whose code is in the table. A KeyError here is a bug; the tests provoke every code."""
    return reject(code, f"{REJECTIONS[code]}: {detail}")
