"""Shadowing: what a process manager that does not act hears of its commands, from what is stored.

On each node of a cluster a process manager handles the same events, so each has the same commands in its
outbox, with the same ids. One node sends them. The others find in the stores what became of them, and have
left to send what was not decided yet, should they be the next.
"""

from collections.abc import Sequence

from msgspec import convert

from engine.base.identity import partition_of
from engine.model.messages import Command
from engine.model.process_managers import Refusal
from engine.store import Reader


class Shadowing:
    """The stores, as a shadow asks them. `readers`: one a partition."""

    def __init__(self, readers: Sequence[Reader]) -> None:
        self._readers = readers

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
