"""The pace of a fold: how many commits its target is given at a time, and when a turn has lasted long enough.

A record may have thousands of commits, and a handler may take milliseconds for each. So the clock is looked
at once in so many commits, as many as lately took about `LOOK_S`: one by one where handlers are slow, and
where they are fast so seldom that it costs nothing.
"""

from collections.abc import Callable

LOOK_S = 0.02
FIRST = 8  # of a turn, because the handlers may have become slow since the last one
MOST = 64  # between two looks: what a handler that has just become slow costs once
NEVER = float("inf")


class Pace:
    """`now`: a clock in seconds that never goes back; `beat`: called at each look. Turns have no end unless
    they are begun with one."""

    def __init__(self, now: Callable[[], float], beat: Callable[[], None]) -> None:
        self._now, self._beat = now, beat
        self._stride = self.left = FIRST
        """Commits between two looks, and from now until the next one, of which there is at least one"""
        self.over = False
        """True if the turn has lasted long enough: nothing more is to be applied in it"""
        self._until = NEVER
        self._looked = now()

    def begin(self, seconds: float = NEVER) -> None:
        """Begins a turn that lasts so long."""
        self._looked = self._now()
        self._until = self._looked + seconds
        self._stride = self.left = min(self._stride, FIRST)
        self.over = False

    def applied(self, commits: int) -> None:
        """So many more commits have been applied in this turn."""
        self.left -= commits
        if self.left <= 0:
            self._look()

    def _look(self) -> None:
        now = self._now()
        took = now - self._looked
        most = min(MOST, 2 * self._stride)
        self._stride = self.left = max(1, min(most, int(self._stride * LOOK_S / took))) if took > 0 else most
        self._looked, self.over = now, now >= self._until
        self._beat()
