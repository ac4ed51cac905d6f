"""How an end of a ring passes the time until it can go on: wait strategies.

`Park` sleeps: the right one wherever there are not more cores than busy processes, since a consumer that
spins takes the core from the very producer it waits for. `Yield` and `Spin` are for machines with cores
to spare, and win a few microseconds per wake.
"""

import os
from typing import Protocol


class End(Protocol):
    """An end of a ring that can sleep."""

    def park(self, seconds: float) -> None:
        """Sleeps until there may be something to do, at most this long."""


class WaitStrategy(Protocol):
    """Called again and again between two looks at the ring."""

    def idle(self, end: End, left_s: float) -> None:
        """Passes some of the `left_s` seconds; may return early, and returns after a bounded time."""


class Park:
    """Sleeps until woken, at most `bound_s` seconds at a time: what a lost wake-up can cost."""

    def __init__(self, bound_s: float = 0.1) -> None:
        if not 0 < bound_s <= 10:
            raise ValueError(f"bound_s is {bound_s}, not in 0..10")
        self.bound_s = bound_s

    def idle(self, end: End, left_s: float) -> None:
        end.park(min(left_s, self.bound_s))


class Yield:
    """Lets others run, if any want to."""

    def idle(self, end: End, left_s: float) -> None:
        os.sched_yield()


class Spin:
    """Looks again at once."""

    def idle(self, end: End, left_s: float) -> None:
        return
