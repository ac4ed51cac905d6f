"""The section: commands of one drained batch for one partition, as journaled and as put on the ring.

    section   first_sequence u64 | previous_sequence u64 | time_ns u64 | count u32 | groups u32 | group …
    group     who_length u16 | zero u16 | count u32 | body_length u32 | who | body
    body      JSON array of commands, as the client wrote them
    payload   (partition u32 | length u32 | section) …          what one journal frame holds

Command k of the section has sequence first_sequence + k and time time_ns + k. `previous_sequence` is
the last sequence of the same partition before it: it proves that nothing between is missing.
Little-endian throughout.
"""

import struct
from collections.abc import Iterable, Iterator

import msgspec

from engine.base.errors import CorruptData

SECTION = struct.Struct("<QQQII")
GROUP = struct.Struct("<HHII")
PART = struct.Struct("<II")
_decode_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode


def encode_section(
    first_sequence: int, previous_sequence: int, time_ns: int, groups: Iterable[tuple[bytes, int, bytes]]
) -> bytes:
    """Groups are (client's routing id, number of commands, body)."""
    parts = [b""]
    total = 0
    number = 0
    for who, count, body in groups:
        parts.append(GROUP.pack(len(who), 0, count, len(body)))
        parts.append(who)
        parts.append(body)
        total += count
        number += 1
    parts[0] = SECTION.pack(first_sequence, previous_sequence, time_ns, total, number)
    return b"".join(parts)


def last_sequence(section: bytes) -> int:
    """The sequence of the section's last command."""
    first, _, _, count, _ = SECTION.unpack_from(section)
    return int(first + count - 1)


def singles(section: bytes, after: int = 0) -> Iterator[bytes]:
    """The same commands as sections of one command each, those beyond sequence `after`."""
    sequence, previous, time_ns, _, groups = SECTION.unpack_from(section)
    at = SECTION.size
    for _ in range(groups):
        who_length, _, _, length = GROUP.unpack_from(section, at)
        at += GROUP.size
        who, body = section[at : at + who_length], section[at + who_length : at + who_length + length]
        at += who_length + length
        for raw in _decode_raws(body):
            if sequence > after:
                group = (who, 1, b"[" + bytes(raw) + b"]")
                yield encode_section(sequence, previous, time_ns, [group])
            sequence, previous, time_ns = sequence + 1, sequence, time_ns + 1


def encode_payload(sections: Iterable[tuple[int, bytes]]) -> bytes:
    """Joins (partition, section) pairs into the payload of one journal frame."""
    return b"".join(part for p, s in sections for part in (PART.pack(p, len(s)), s))


def decode_payload(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """The (partition, section) pairs of a journal frame."""
    at = 0
    while at < len(payload):
        partition, length = PART.unpack_from(payload, at) if at + PART.size <= len(payload) else (0, 0)
        at += PART.size
        if at + length > len(payload):
            raise CorruptData("a section reaches past its journal frame", offset=at, length=length)
        yield partition, payload[at : at + length]
        at += length
