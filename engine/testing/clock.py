"""The clock of an inline engine, which stands still until it is moved."""

from datetime import timedelta
from fractions import Fraction
from math import ceil

from engine.base.instants import duration_ns

SECOND_NS = 1_000_000_000


def span_ns(span: timedelta | None, minutes: float, seconds: float) -> int:
    """Nanoseconds of a duration that is given as a timedelta, or in minutes and seconds, or in both."""
    return (0 if span is None else duration_ns(span)) + round((60 * minutes + seconds) * SECOND_NS)


class Clock:
    """`now_ns`: nanoseconds since 1970."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def wall_ns(self) -> int:
        """The time of day."""
        return self.now_ns

    def now(self) -> float:
        """The same in seconds, as monotonic clocks tell it. Integers divide to the nearest float, so it never
        falls short of what `go_on` has gone to."""
        return self.now_ns / SECOND_NS

    def go_on(self, due: float) -> None:
        """To the first nanosecond at which `due` seconds have come, unless they have already."""
        self.now_ns = max(self.now_ns, ceil(Fraction(due) * SECOND_NS))
