"""The backlog of a partition: what was admitted and is not stored yet, and how long that will take.

    admitted ──▶ waiting ──▶ stored        most = what is stored in the longest wait, at the rate of late

More than that are answered `busy`, because what would be accepted now could only be answered late. How much
is stored in a second is known from times in which there was always enough to do; in other times the bound
grows, so that a node that has become faster is found out. What waits is known by sequence, not by counting
answers, since a process that dies may take some of them with it.

A client with less in flight than its share is let in for longer, so that who sends one command is not turned
away because of who sends ten thousand.
"""

from collections import deque

ENOUGH = 250  # commands that keep a node busy for a look; fewer are never too many
LOOK_S = 0.025
WEIGHT = 0.3  # of a new look
SUDDEN = 4.0  # times slower than thought: what was thought is forgotten
GROWTH = 1.25  # of the rate, with each look at a node that had too little to do
UNKNOWN_RATE = 50_000.0  # commands a second, until a node has enough to do


class Backlog:
    """The backlog of one partition. `waiting`: commands; `most`: how many may wait; `longest_wait_s`: 0 for
    no bound."""

    def __init__(self, longest_wait_s: float) -> None:
        self.waiting = 0
        self.most = UNKNOWN_RATE * longest_wait_s or float("inf")
        self._longest_wait_s = longest_wait_s
        self._given: deque[tuple[int, int]] = deque()  # (last sequence, commands)
        self._rate = UNKNOWN_RATE
        self._stored = 0
        self._least = 0
        self._looked_at = 0.0

    def has_room(self, flying: int, clients: int) -> bool:
        """True if one of so many clients, which has so many in flight, may have more admitted."""
        if self.waiting < self.most:
            return True
        return self.waiting < 2 * self.most and flying < self.most / max(1, clients)

    def admitted(self, count: int) -> None:
        """Counts commands that are let in, for now."""
        self.waiting += count

    def turned_away(self, count: int) -> None:
        """They were not given on after all."""
        self.waiting -= count

    def given(self, last_sequence: int, count: int) -> None:
        """They are journaled, up to this sequence."""
        self._given.append((last_sequence, count))

    def look(self, stored_sequence: int, now: float) -> None:
        """Everything up to this sequence is stored. `now`: seconds that never go back."""
        given = self._given
        while given and given[0][0] <= stored_sequence:
            count = given.popleft()[1]
            self.waiting -= count
            self._stored += count
        self._least = min(self._least, self.waiting)
        passed = now - self._looked_at
        if passed > LOOK_S and self._longest_wait_s:
            self._learn(self._stored / passed)
            self._looked_at, self._stored, self._least = now, 0, self.waiting

    def _learn(self, rate: float) -> None:
        if self._least < ENOUGH:
            self._rate = max(self._rate, min(GROWTH * self._rate, UNKNOWN_RATE))
        elif self._rate > SUDDEN * rate > 0:
            self._rate = rate
        else:
            self._rate += WEIGHT * (rate - self._rate)
        self.most = max(ENOUGH, self._rate * self._longest_wait_s)
