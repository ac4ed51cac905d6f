"""The group: the part of a section or of replies that belongs to one client.

    group     who_length u16 | zero u16 | count u32 | body_length u32 | who | body       little-endian

`who` is the client's routing id, `count` the number of commands that the body is about. In a section
(engine.wire.sections) the body is commands; in a batch's replies (engine.wire.batches) it is answers.
"""

import struct
from collections.abc import Iterator

GROUP = struct.Struct("<HHII")

Group = tuple[bytes, int, bytes]
"""(who, count, body)"""


def encode_group(who: bytes, count: int, body: bytes) -> bytes:
    """The bytes of one group."""
    return b"".join((GROUP.pack(len(who), 0, count, len(body)), who, body))


def decode_groups(data: bytes, start: int = 0) -> Iterator[Group]:
    """The groups from offset `start` to the end."""
    at, end, unpack, size = start, len(data), GROUP.unpack_from, GROUP.size
    while at < end:
        who_length, _, count, body_length = unpack(data, at)
        body_at = at + size + who_length
        who = data[at + size : body_at]
        at = body_at + body_length
        yield who, count, data[body_at:at]
