"""The window of handled command ids, which makes it harmless to send a command again.

Two generations in memory; when the young one is full the old one is dropped. Ids are ordered by time. So an
id above the `highest` so far is surely new, without any look-up, and one above every dropped id has surely
not been dropped; only a late id below `floor` needs a look-up in the store. The ids of commits stay findable
in the store for ever; other outcomes (rejected, failed, unchanged) are remembered for `size` to 2 × `size`
commands, or for as many as have that many times ANSWER_BYTES of answers.
"""

from collections.abc import Callable

ANSWER_BYTES = 256  # of an answer on average, above which fewer are remembered; a usual one has half as many
COMMITTED = b""
"""Stands for an answer: the command was committed, and the store has its answer."""


class Window:
    """A map from command id to encoded answer, or to COMMITTED."""

    def __init__(self, size: int, in_store: Callable[[str], bool]) -> None:
        self.size = size
        self.most_bytes = size * ANSWER_BYTES
        self.young: dict[str, bytes] = {}
        self.old: dict[str, bytes] = {}
        self.floor = ""
        self.highest = ""  # of all ids ever; it must be kept when an id is added to `young`
        self._old_highest = ""
        self._young_bytes = 0
        self._in_store = in_store

    def find(self, id: str) -> bytes | None:
        """The encoded answer of a command that was handled before, or COMMITTED; None if it was not
        handled."""
        if id in self.young:
            return self.young[id]
        if id in self.old:
            return self.old[id]
        return COMMITTED if id <= self.floor and self._in_store(id) else None

    def remember(self, id: str, answer: bytes) -> None:
        """Remembers the outcome of an earlier life in the young generation, although it is older than that,
        because the old one may be dropped with the next turn and outcomes are promised for `size`
        commands."""
        self.young[id] = answer
        self._young_bytes += len(answer)
        self.highest = max(self.highest, id)

    def settle(self, highest: str) -> None:
        """Leaves every id up to this one to the store, which has all commits of an earlier life."""
        self.floor = self._old_highest = self.highest = max(self.highest, highest)

    def forget(self, id: str) -> None:
        """Forgets an id whose batch was never stored."""
        self.young.pop(id, None)
        self.old.pop(id, None)

    def turn(self, answer_bytes: int = 0) -> None:
        """Starts a new generation if the young one is full. Call between batches. `answer_bytes`: of the
        answers that the batch has added."""
        self._young_bytes += answer_bytes
        if len(self.young) >= self.size or self._young_bytes >= self.most_bytes:
            self.floor = self._old_highest
            self._old_highest = self.highest
            self.old = self.young
            self.young = {}
            self._young_bytes = 0
