"""The window of handled command ids: what makes sending a command again harmless.

Two generations in memory; when the young one is full the old one is dropped. Ids are time-ordered. So an
id above the `highest` so far is surely new, without a look anywhere, and one above every dropped id has
surely not been dropped: only a late id below `floor` needs a look into the store. The ids of commits stay
findable in the store for ever; other outcomes (rejected, failed, unchanged) are remembered for `size` to
2 × `size` commands.

A batch whose ids all came in order is kept as a run: its list of ids as it is, between a lowest and a
highest one, and not a dictionary entry for each (an eighth of what a command costs the core). Runs lie one
above the other, so the one that might hold a late id is found by bisection, and only then taken apart.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable


class Window:
    """Maps a command id to its encoded answer, or to None for a commit, whose answer the store has."""

    def __init__(self, size: int, in_store: Callable[[str], bool]) -> None:
        self.size = size
        self.young: dict[str, bytes | None] = {}
        self.old: dict[str, bytes | None] = {}
        self.floor = ""
        self.highest = ""  # of all ids ever; whoever adds to `young` keeps it
        self._old_highest = ""
        self._in_store = in_store
        self._runs: list[list[str]] = []  # id, anything, id, anything, …: as the core has them
        self._tops: list[str] = []  # the highest id of each run
        self._taken_apart: dict[str, frozenset[str]] = {}  # highest id of a run → its ids
        self._old_runs = self._in_runs = 0  # how many runs are old; how many ids the young ones have

    def find(self, id: str) -> tuple[bool, bytes | None]:
        """(handled before, its encoded answer or None for a commit)."""
        if id in self.young:
            return True, self.young[id]
        if id in self.old:
            return True, self.old[id]
        return self._in_a_run(id) or (id <= self.floor and self._in_store(id)), None

    def add_run(self, ids: list[str]) -> None:
        """Takes in the commits of a batch: their ids at every other place, rising, all above the highest."""
        self._runs.append(ids)
        self._tops.append(ids[-2])
        self._in_runs += len(ids) >> 1

    def remember(self, id: str, answer: bytes) -> None:
        """Takes in the outcome of an earlier life. Into the young generation, though it is older than that:
        the old one may be dropped with the next turn, and outcomes are promised for `size` commands."""
        self.young[id] = answer
        self.highest = max(self.highest, id)

    def settle(self, highest: str) -> None:
        """Every id up to this one is a matter for the store, where all commits of an earlier life are."""
        self.floor = self._old_highest = self.highest = max(self.highest, highest)

    def forget(self, ids: Iterable[str]) -> None:
        """Takes back the ids of batches that were never stored, all of each batch."""
        gone = set(ids)
        for id in gone:
            self.young.pop(id, None)
            self.old.pop(id, None)
        old, young = self._runs[: self._old_runs], self._runs[self._old_runs :]
        old, young = ([run for run in runs if run[0] not in gone] for runs in (old, young))
        self._runs, self._old_runs = old + young, len(old)
        self._tops = [run[-2] for run in self._runs]
        self._in_runs = sum(len(run) >> 1 for run in young)
        self._taken_apart.clear()

    def turn(self) -> None:
        """Starts a new generation if the young one is full. Call between batches."""
        if len(self.young) + self._in_runs >= self.size:
            self.floor = self._old_highest
            self._old_highest = self.highest
            self.old = self.young
            self.young = {}
            del self._runs[: self._old_runs], self._tops[: self._old_runs]
            self._old_runs, self._in_runs = len(self._runs), 0
            self._taken_apart.clear()

    def _in_a_run(self, id: str) -> bool:
        at = bisect_left(self._tops, id)
        if at == len(self._tops) or id < self._runs[at][0]:
            return False
        top = self._tops[at]
        if top not in self._taken_apart:
            self._taken_apart[top] = frozenset(self._runs[at][::2])
        return id in self._taken_apart[top]
