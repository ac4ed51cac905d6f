"""The section: the commands of one drained batch for one partition, as they are journaled and put on the
ring.

    section   first_sequence u64 | previous_sequence u64 | time_ns u64 | count u32 | groups u32 | group …
    group     who | count | body: JSON array of commands, as the client wrote them (engine.wire.groups)
    payload   (partition u32 | length u32 | section) …          what one journal frame holds

Command k of the section has sequence first_sequence + k and time time_ns + k. `previous_sequence` is
the last sequence of the same partition before it, which proves that nothing between is missing.
Little-endian throughout.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.base.errors import CorruptData
from engine.wire.commands import join_commands, split_commands
from engine.wire.groups import Group, decode_groups, encode_group

SECTION = struct.Struct("<QQQII")
PART = struct.Struct("<II")


class Header(NamedTuple):
    """The beginning of a section."""

    first_sequence: int
    previous_sequence: int
    time_ns: int
    commands: int
    groups: int


def encode_section(
    first_sequence: int, previous_sequence: int, time_ns: int, groups: Iterable[Group]
) -> bytes:
    """The bytes of a section."""
    parts = [b""]
    total = 0
    for who, count, body in groups:
        parts.append(encode_group(who, count, body))
        total += count
    parts[0] = SECTION.pack(first_sequence, previous_sequence, time_ns, total, len(parts) - 1)
    return b"".join(parts)


def header_of(section: bytes) -> Header:
    """The header of a section."""
    return tuple.__new__(Header, SECTION.unpack_from(section))  # `Header._make` would count them again


def groups_of(section: bytes) -> Iterator[Group]:
    """The (who, count, commands) groups of a section, in order."""
    return decode_groups(section, SECTION.size)


def first_sequence(section: bytes) -> int:
    """The sequence of the section's first command."""
    return int.from_bytes(section[:8], "little")


def last_sequence(section: bytes) -> int:
    """The sequence of the section's last command."""
    first, _, _, count, _ = SECTION.unpack_from(section)
    return int(first + count - 1)


def parts_of(section: bytes, most: int, after: int = 0) -> Iterator[bytes]:
    """Sections of at most `most` commands each, for the commands after sequence `after`: the section as it is
    where that is one."""
    header = header_of(section)
    if after < header.first_sequence and header.commands <= most:
        yield section
        return
    sequence, previous, time_ns = header.first_sequence, header.previous_sequence, header.time_ns
    groups: list[Group] = []
    taken = 0
    for who, _, body in groups_of(section):
        commands = split_commands(body)
        skipped = min(len(commands), max(0, after + 1 - sequence - taken))
        if skipped:
            sequence, previous, time_ns = sequence + skipped, sequence + skipped - 1, time_ns + skipped
            commands = commands[skipped:]
        while commands:
            some, commands = commands[: most - taken], commands[most - taken :]
            groups.append((who, len(some), join_commands(some)))
            taken += len(some)
            if taken == most:
                yield encode_section(sequence, previous, time_ns, groups)
                sequence, previous, time_ns = sequence + taken, sequence + taken - 1, time_ns + taken
                groups, taken = [], 0
    if groups:
        yield encode_section(sequence, previous, time_ns, groups)


def singles(section: bytes, after: int = 0) -> Iterator[bytes]:
    """Sections of one command each, for the commands after sequence `after`."""
    return parts_of(section, 1, after)


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
