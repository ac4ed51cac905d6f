"""Instants: nanoseconds since 1970, as the engine counts time, and aware datetimes, as people write it.

A datetime has microseconds. An instant that is made one is cut off, never rounded up, so that it is not
later than what it stands for.
"""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def instant(time_ns: int) -> datetime:
    """Nanoseconds since 1970 as an aware datetime, in UTC."""
    # Seconds and the rest apart: a timedelta that has to divide for itself takes twice as long to make.
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return EPOCH + timedelta(0, seconds, rest // 1_000)


def nanoseconds(time: datetime) -> int:
    """An aware datetime as nanoseconds since 1970. ValueError if it is naive: nothing says of which zone."""
    if time.tzinfo is None:
        raise ValueError(f"{time!r} has no time zone; write datetime(…, tzinfo=UTC)")
    return (time - EPOCH) // _MICROSECOND * 1_000


def duration_ns(duration: timedelta) -> int:
    """A timedelta as nanoseconds."""
    return duration // _MICROSECOND * 1_000
