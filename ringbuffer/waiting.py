"""Wait strategies: what an end of a ring does until it can go on.

`Park` sleeps. It is the right one unless there are more cores than busy processes, since a consumer that
spins takes the core from the very producer that it waits for. `Yield` and `Spin` are for machines with cores
to spare, and save a few microseconds a wake-up.
"""

import os
from typing import Protocol


class End(Protocol):
    """An end of a ring that can sleep."""

    def park(self, seconds: float) -> None:
        """Sleeps until there may be something to do, at most this long."""


class WaitStrategy(Protocol):
    """A way of waiting, called again and again between two checks of the ring."""

    def idle(self, end: End, left_s: float) -> None:
        """Passes some of the `left_s` seconds; may return early, and returns after a bounded time."""


class Park:
    """Sleeps until woken, at most `bound_s` seconds at a time, which is what a lost wake-up can cost."""

    def __init__(self, bound_s: float = 0.1) -> None:
        if not 0 < bound_s <= 10:
            raise ValueError(f"bound_s is {bound_s}, not in 0..10")
        self.bound_s = bound_s

    def idle(self, end: End, left_s: float) -> None:
        end.park(min(left_s, self.bound_s))


class Yield:
    """Lets other processes run, if any are ready."""

    def idle(self, end: End, left_s: float) -> None:
        os.sched_yield()


class Spin:
    """Checks again at once."""

    def idle(self, end: End, left_s: float) -> None:
        return
