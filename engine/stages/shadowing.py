"""Shadowing: what a process manager that does not act hears of its commands, from what is stored.

On each node of a cluster a process manager handles the same events, so each has the same commands in its
outbox, with the same ids. One node sends them. The others find in the stores what became of them, and have
left to send what was not decided yet, should they be the next.

The one that acts handles an event, or a refusal, before anything can follow from it. A shadow has to see to
that: before a commit, it handles what its causation says that led to it.

    the causation is                                         before the commit
    ------------------------------------------------------------------------------------------------
    a command of its own that was refused                    the refusal is handled
    a command whose commit was not handled yet               that commit is, in its own partition
    not to be found                                          what other partitions have is handled, and
                                                             if that does not help, it is waited for a while
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from msgspec import convert

from engine.base.identity import partition_of
from engine.follow import Fold
from engine.managers import Manager
from engine.model.messages import Command
from engine.model.process_managers import Refusal
from engine.store import Reader

HOLD_S = 5.0  # for a cause that may still come: clients may name one that never will
GRACE_S = 1.0  # for it once all is handled that the stores had; they follow the logs at different speeds
TRUST_S = 10.0  # after one that did not come, others are not waited for
MOST_REFUSED = 100_000  # commands of which it is known that their refusal was handled


class _Held(NamedTuple):
    """A partition whose next commit waits for its cause. `ends`: what the stores had when that began."""

    cause: str
    since: float
    ends: list[int]


class Shadowing:
    """The shadow of one process manager. `now`: a clock in seconds that never goes back."""

    def __init__(self, fold: Fold, manager: Manager, now: Callable[[], float]) -> None:
        self._fold, self._manager, self._now = fold, manager, now
        self._readers: Sequence[Reader] = fold.readers
        self._held: dict[int, _Held] = {}
        self._trust_at = 0.0
        self._refused: dict[str, None] = {}

    def may(self, partition: int, commit: Any) -> bool:
        """True if a commit may be handled now: all that led to it has been."""
        cause = commit.causation
        if not cause or self._was_refused(cause) or not self._is_open(partition, cause):
            self._held.pop(partition, None)
            return True
        if (now := self._now()) < self._trust_at:
            return True
        held = self._held.get(partition)
        if held is None or held.cause != cause:
            held = self._held[partition] = _Held(cause, now, [reader.position() for reader in self._readers])
        pairs = zip(held.ends, self._fold.positions, strict=True)
        rest = [position >= end for number, (end, position) in enumerate(pairs) if number != partition]
        is_own = self._manager.outbox.find(cause) is not None  # which was decided, or nothing came of it
        if now - held.since < (GRACE_S if all(rest) and not is_own else HOLD_S):
            return False
        self._trust_at = now + TRUST_S
        return True

    def answer_first(self, _: int, commit: Any) -> bool:
        """Of the one that acts: handles what became of the cause of a commit, if that is a command of its own
        which another one has sent before."""
        if commit.causation:
            self._was_refused(commit.causation)
        return True

    def follow(self) -> bool:
        """Handles what the stores have, as far as what led to it has been. True if there was anything."""
        before, moved = sum(self._fold.positions), True
        while moved:
            moved = False
            for partition, reader in enumerate(self._readers):
                at = self._fold.positions[partition]
                if reader.position() > at:
                    self._manager.held = False
                    self._fold.catch_up(partition)
                    moved |= self._fold.positions[partition] > at
        self._manager.held = False
        return sum(self._fold.positions) > before

    @property
    def level(self) -> bool:
        """True if it has handled all that the stores have."""
        pairs = zip(self._readers, self._fold.positions, strict=True)
        return all(reader.position() <= position for reader, position in pairs)

    def watch(self, wall_ns: int) -> bool:
        """Hears what became of commands of the outbox, and of timers that are due. True if there was
        anything."""
        waiting = [entry.command for entry in self._manager.outbox if entry.refusal is None]
        heard = False
        for command in (*waiting, *self._manager.due(wall_ns)):
            heard |= self._hear(command)
        return heard

    def _was_refused(self, cause: str) -> bool:
        """True if it is a command of this process manager that was refused, which is handled now. Of one that
        was committed it is the commit that has to be handled."""
        entry = self._manager.outbox.find(cause)
        if entry is not None and entry.refusal is not None:
            return True
        command = self._manager.timers.find(cause) if entry is None else entry.command
        if command is not None:
            self._hear(command)
        return cause in self._refused

    def _hear(self, command: Command) -> bool:
        found, refusal = self.answer_to(command)
        if refusal is not None:
            self.remember(command.id)
        if found and self._manager.outbox.find(command.id) is not None:
            self._manager.answered(command.id, refusal, self._now())
        elif found and self._manager.timers.find(command.id) is not None:
            self._manager.fired_elsewhere(command, refusal, self._now())
        return found

    def remember(self, id: str) -> None:
        """The refusal of a command was handled."""
        self._refused[id] = None
        if len(self._refused) > MOST_REFUSED:
            del self._refused[next(iter(self._refused))]

    def _is_open(self, partition: int, cause: str) -> bool:
        """True if what a command led to may not have been handled yet."""
        for number, reader in enumerate(self._readers):
            if reach := reader.reach_of(cause):
                return number != partition and self._fold.positions[number] < reach
        return len(self._readers) > 1 or self._manager.outbox.find(cause) is not None

    def answer_to(self, command: Command) -> tuple[bool, Refusal | None]:
        """(it was decided and that is kept, how it was refused if it was) of a command that a process manager
        has sent, or will."""
        reader = self._readers[partition_of(command.aggregate, len(self._readers))]
        child = reader.child(command.causation, command.id) if command.causation else None
        if child is None:
            return False, None
        if child.position:
            return True, None
        answer = reader.find_outcome(command.id, child.sequence)
        if answer is None:
            return False, None
        refused = answer.outcome in ("rejected", "failed")
        return True, convert(answer, Refusal, from_attributes=True) if refused else None
