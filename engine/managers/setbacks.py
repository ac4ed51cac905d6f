"""Setbacks: refusals whose handler has failed. They are tried again with back-off, some times, then when an
operator asks or the process starts anew.

The entries themselves stay in the outbox, durable; here is only what is known of the attempts.
"""

from collections.abc import Iterable

import msgspec

from engine.follow.dead_letters import FIRST_BACK_OFF_S, MOST_ATTEMPTS, NEVER, describe_error
from engine.managers.outbox import OutboxEntry


class Setback(msgspec.Struct):
    """An entry and how often its refusal was handed to the handler in vain."""

    entry: OutboxEntry
    due: float
    attempts: int = 0
    error: str = ""
    where: str = ""

    @property
    def is_dead(self) -> bool:
        """True if it is not tried again by itself."""
        return self.attempts >= MOST_ATTEMPTS


class Setbacks:
    """All of them, by the command's id."""

    def __init__(self) -> None:
        self._setbacks: dict[str, Setback] = {}
        self.next_due = NEVER

    def __len__(self) -> int:
        return len(self._setbacks)

    def failed(self, entry: OutboxEntry, error: BaseException, now: float) -> int:
        """The handler failed; returns how often it has."""
        setback = self._setbacks.setdefault(entry.command.id, Setback(entry, NEVER))
        setback.attempts += 1
        setback.error, setback.where = describe_error(error)
        setback.due = NEVER if setback.is_dead else now + FIRST_BACK_OFF_S * 2 ** (setback.attempts - 1)
        self._look()
        return setback.attempts

    def over(self, entry: OutboxEntry) -> None:
        """The entry needs no more attempts."""
        if self._setbacks.pop(entry.command.id, None) is not None:
            self._look()

    def is_dead(self, entry: OutboxEntry) -> bool:
        """True if it is not tried again by itself."""
        return self._setbacks[entry.command.id].is_dead

    def due(self, now: float) -> list[OutboxEntry]:
        """Entries to be tried again now."""
        if now < self.next_due:
            return []
        return [setback.entry for setback in self._setbacks.values() if setback.due <= now]

    def of(self, aggregate: str) -> list[OutboxEntry]:
        """Entries of commands to an aggregate."""
        return [s.entry for s in self._setbacks.values() if s.entry.command.aggregate == aggregate]

    def all(self) -> list[Setback]:
        """All of them, to be describe_error."""
        return list(self._setbacks.values())

    def load(self, entries: Iterable[OutboxEntry]) -> None:
        """A new life: all of these are due at once."""
        self._setbacks = {entry.command.id: Setback(entry, 0.0) for entry in entries}
        self._look()

    def _look(self) -> None:
        self.next_due = min((setback.due for setback in self._setbacks.values()), default=NEVER)
