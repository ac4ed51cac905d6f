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
    where that is one, and otherwise its groups, divided where they are too large."""
    header = header_of(section)
    if after < header.first_sequence and header.commands <= most:
        yield section
        return
    skipped = max(0, after + 1 - header.first_sequence)
    first, time_ns = header.first_sequence + skipped, header.time_ns + skipped
    previous = first - 1 if skipped else header.previous_sequence
    groups: list[Group] = []
    taken = 0  # how many commands are in `groups`
    for group in _divided(groups_of(section), most, skipped):
        if taken + group[1] > most:
            yield encode_section(first, previous, time_ns, groups)
            first, previous, time_ns = first + taken, first + taken - 1, time_ns + taken
            groups, taken = [], 0
        groups.append(group)
        taken += group[1]
    if groups:
        yield encode_section(first, previous, time_ns, groups)


def _divided(groups: Iterable[Group], most: int, skipped: int) -> Iterator[Group]:
    """Groups of at most `most` commands each, without the first `skipped` commands."""
    for who, count, body in groups:
        if skipped >= count:
            skipped -= count
        elif not skipped and count <= most:
            yield who, count, body
        else:
            commands = split_commands(body)[skipped:]
            skipped = 0
            for start in range(0, len(commands), most):
                some = commands[start : start + most]
                yield who, len(some), join_commands(some)


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
