"""Times on the railway: one time for all of China, and days that begin at its midnight."""

from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

CHINA = timezone(timedelta(hours=8))
PRESALE_DAYS = 15
"""The day of sale is the first."""

TIME_TO_PAY = timedelta(minutes=30)
CANCELLATIONS_A_DAY = 3
"""After so many of seated orders, a user has no more orders on that day."""

AT_REST = timedelta(hours=1)
"""After so long without a change an order, a payment, an itinerary or an account leaves memory, until it is
asked for again. It is longer than the time to pay, so that no order comes back only to expire."""

RUN_AT_REST = timedelta(days=3)
"""The same for a train-run. One that comes back has all its sales applied again, so busy ones stay."""

SAME_STATION = timedelta(minutes=10)
SAME_CITY = timedelta(minutes=40)
"""Between two trips of a passenger."""


@lru_cache(maxsize=1024)
def midnight(day: str) -> datetime:
    """The beginning of a date such as `2026-11-23`, in UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=CHINA).astimezone(UTC)


@lru_cache(maxsize=1 << 15)  # an order asks four times, and a timetable has a few thousand times a day
def moment(day: str, minutes: int) -> datetime:
    """So many minutes after the beginning of a date, which is how a timetable counts."""
    return midnight(day) + timedelta(minutes=minutes)


def day_of(moment: datetime) -> date:
    """The date in China."""
    return moment.astimezone(CHINA).date()
