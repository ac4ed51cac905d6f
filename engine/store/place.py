"""The place of a store in the log of decisions: how far it has followed, and what it may follow next.

It is stored in one transaction with what was decided, so a store is never ahead of its place or behind it.
"""

import struct
from typing import NamedTuple

from engine.base.errors import CorruptData
from engine.wire.replicated import NO_DIGEST, Decision, decode_decision, digest_of

_PLACE = struct.Struct("<QQQQQ16s")


class Place(NamedTuple):
    """`decision`: the sequence in E of the last message that is stored; the next four: what it says, see
    `Decision`; `digest`: of that message."""

    decision: int = 0
    message: int = 0
    message_sequence: int = 0
    sequence: int = 0
    time_ns: int = 0
    digest: bytes = NO_DIGEST

    @property
    def mark(self) -> int:
        """A number for the digest, by which stores of the same place are compared."""
        return mark_of(self.digest)

    def encode(self) -> bytes:
        """The bytes that are stored."""
        return _PLACE.pack(*self)

    def after(self, decision: int, message: bytes) -> tuple["Place", Decision]:
        """The place behind the message that has this sequence in E, and what it decided. CorruptData: it does
        not follow: something is missing between them, or the chain is broken."""
        if decision != self.decision + 1:
            raise CorruptData("decisions are missing", after=self.decision, found=decision)
        found = decode_decision(message)
        if found.before != self.digest:
            raise CorruptData("the chain of decisions is broken", decision=decision)
        sequence = self.sequence
        for batch in found.batches:
            if batch.first_sequence != sequence + 1:
                text = "a decision does not follow the one before"
                raise CorruptData(text, decision=decision, expected=sequence + 1, found=batch.first_sequence)
            sequence = batch.last_sequence
        if found.sequence != sequence or not self.message <= found.message or found.time_ns < self.time_ns:
            raise CorruptData("a decision contradicts itself", decision=decision)
        return self.behind(decision, message, found), found

    def behind(self, decision: int, message: bytes, found: Decision) -> "Place":
        """The place behind a message that is known to follow."""
        digest = digest_of(message)
        return Place(decision, found.message, found.message_sequence, found.sequence, found.time_ns, digest)


def mark_of(digest: bytes) -> int:
    """A number for a digest."""
    return int.from_bytes(digest[:8], "big")


def decode_place(stored: bytes | None) -> Place:
    """What was stored; the beginning if nothing was."""
    return Place() if stored is None else Place(*_PLACE.unpack(stored))
