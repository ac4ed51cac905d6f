"""Absence: how long a process of this node may be away before its partitions are better off elsewhere.

One that is killed is back within a second, and nothing moves. A core with much to load takes longer; another
node is ready to go on, because its core has followed all the time.
"""

from collections.abc import Callable, Sequence

MOST_S = 1.5


class Absence:
    """Some processes, watched. None counts as there before it was. `now`: a clock in seconds that never goes
    back."""

    def __init__(self, processes: int, now: Callable[[], float]) -> None:
        self._now = now
        self._seen = [float("-inf")] * processes

    def short(self, there: Sequence[bool]) -> bool:
        """True if each of them is there, or was a moment ago."""
        now = self._now()
        self._seen = [now if one else seen for one, seen in zip(there, self._seen, strict=True)]
        return all(now - seen <= MOST_S for seen in self._seen)
