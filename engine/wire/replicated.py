"""The messages of the two logs of a partition of a cluster.

    C   gate length u16 | gate | group …                           commands, as clients sent them
    E   command message u64 | its last sequence u64 | last sequence u64 | time in ns u64 | code (16) |
        digest of the message before (16) | (length u32 | batch) …

A message of E says up to which message of C everything is decided, and which sequence the last command of
that one has: so the node that goes on knows where, and which sequences follow. A batch is without what only
the node that decided it needs: its answers, and its epoch. Little-endian throughout.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.base.errors import CorruptData
from engine.wire.batches import Batch, decode_batch, encode_batch
from engine.wire.groups import Group, decode_groups, encode_group

DIGEST_BYTES = 16
NO_DIGEST = bytes(DIGEST_BYTES)
_GATE = struct.Struct("<H")
_HEAD = struct.Struct("<QQQQ16s16s")
_LENGTH = struct.Struct("<I")
_ORIGIN = struct.Struct("<QQB")


def digest_of(message: bytes) -> bytes:
    """What the next message of E names."""
    return hashlib.blake2b(message, digest_size=DIGEST_BYTES).digest()


# ---------------------------------------------------------------------- C


def encode_commands(gate: str, groups: Sequence[Group]) -> bytes:
    """A message of C. `gate`: where the answers go."""
    name = gate.encode()
    return b"".join((_GATE.pack(len(name)), name, *(encode_group(*group) for group in groups)))


def decode_commands(message: bytes) -> tuple[str, list[Group]]:
    """(gate, groups) of a message of C. Raises CorruptData."""
    try:
        (length,) = _GATE.unpack_from(message)
        at = _GATE.size + length
        return message[_GATE.size : at].decode(), list(decode_groups(message, at))
    except (struct.error, UnicodeDecodeError) as error:
        raise CorruptData("a message of commands cannot be read", error=error) from None


class Origin(NamedTuple):
    """Where a group of a section comes from: the message of C, the sequence of that message's last command,
    the gate that took it, and its client there. It travels as the group's `who`."""

    message: int
    last_sequence: int
    gate: str
    client: bytes

    def encode(self) -> bytes:
        """The bytes that stand for the client."""
        name = self.gate.encode()
        return _ORIGIN.pack(self.message, self.last_sequence, len(name)) + name + self.client


def decode_origin(who: bytes) -> Origin:
    """The origin in a group's `who`."""
    message, last, length = _ORIGIN.unpack_from(who)
    at = _ORIGIN.size + length
    return Origin(message, last, who[_ORIGIN.size : at].decode(), who[at:])


# ---------------------------------------------------------------------- E


class Decision(NamedTuple):
    """A message of E. `message`, `message_sequence`: the last message of C of which everything is decided,
    and the sequence of its last command; `sequence`: the last command that is decided; `time_ns`: its time;
    `code`: the mark of the code that decided; `before`: the digest of the message before."""

    message: int
    message_sequence: int
    sequence: int
    time_ns: int
    code: bytes
    before: bytes
    batches: list[Batch]

    def encode(self) -> bytes:
        """The message."""
        parts = [_HEAD.pack(*self[:6])]
        for batch in self.batches:
            body = encode_batch(bare(batch))
            parts += (_LENGTH.pack(len(body)), body)
        return b"".join(parts)


def decode_decision(message: bytes) -> Decision:
    """What a message of E says. Raises CorruptData."""
    try:
        message_at, message_sequence, sequence, time_ns, code, before = _HEAD.unpack_from(message)
        batches = list(_batches(message))
        return Decision(message_at, message_sequence, sequence, time_ns, code, before, batches)
    except (struct.error, IndexError, ValueError) as error:
        raise CorruptData("a decision cannot be read", error=error) from None


def _batches(message: bytes) -> Iterator[Batch]:
    at = _HEAD.size
    while at < len(message):
        (length,) = _LENGTH.unpack_from(message, at)
        at += _LENGTH.size + length
        if at > len(message):
            raise ValueError("a batch reaches past its message")
        yield decode_batch(message[at - length : at])


def bare(batch: Batch) -> Batch:
    """A batch without what only the node that decided it needs."""
    return batch._replace(replies=b"", duplicates=b"", epoch=0)
