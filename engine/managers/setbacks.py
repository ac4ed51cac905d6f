"""Setbacks: refusals whose handler has failed. They are retried a few times with back-off, and after that
when an operator asks or the process is started again.

The entries themselves are durable in the outbox; only the attempts are counted here.
"""

from collections.abc import Iterable

import msgspec

from engine.follow.dead_letters import FIRST_BACK_OFF_S, MOST_ATTEMPTS, NEVER, describe_error
from engine.managers.outbox import OutboxEntry


class Setback(msgspec.Struct):
    """An outbox entry, and how often the handler of its refusal has failed."""

    entry: OutboxEntry
    due: float
    attempts: int = 0
    error: str = ""
    where: str = ""

    @property
    def is_dead(self) -> bool:
        """True if it is not retried by itself."""
        return self.attempts >= MOST_ATTEMPTS


class Setbacks:
    """All setbacks of a process manager, by command id."""

    def __init__(self) -> None:
        self._setbacks: dict[str, Setback] = {}
        self.next_due = NEVER

    def __len__(self) -> int:
        return len(self._setbacks)

    def failed(self, entry: OutboxEntry, error: BaseException, now: float) -> int:
        """Notes that the handler failed; returns how often it has."""
        setback = self._setbacks.setdefault(entry.command.id, Setback(entry, NEVER))
        setback.attempts += 1
        setback.error, setback.where = describe_error(error)
        setback.due = NEVER if setback.is_dead else now + FIRST_BACK_OFF_S * 2 ** (setback.attempts - 1)
        self._schedule()
        return setback.attempts

    def over(self, entry: OutboxEntry) -> None:
        """Forgets an entry that needs no more attempts."""
        if self._setbacks.pop(entry.command.id, None) is not None:
            self._schedule()

    def is_dead(self, entry: OutboxEntry) -> bool:
        """True if it is not retried by itself."""
        return self._setbacks[entry.command.id].is_dead

    def due(self, now: float) -> list[OutboxEntry]:
        """Entries whose retry is due."""
        if now < self.next_due:
            return []
        return [setback.entry for setback in self._setbacks.values() if setback.due <= now]

    def of(self, aggregate: str) -> list[OutboxEntry]:
        """Entries of commands to an aggregate."""
        return [s.entry for s in self._setbacks.values() if s.entry.command.aggregate == aggregate]

    def all(self) -> list[Setback]:
        """All setbacks."""
        return list(self._setbacks.values())

    def load(self, entries: Iterable[OutboxEntry]) -> None:
        """Begins again after a start: all of these are due at once."""
        self._setbacks = {entry.command.id: Setback(entry, 0.0) for entry in entries}
        self._schedule()

    def _schedule(self) -> None:
        self.next_due = min((setback.due for setback in self._setbacks.values()), default=NEVER)
