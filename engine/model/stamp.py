"""What a handler may know of the world: only what the input stage wrote into the journal."""

import msgspec


class Stamp(msgspec.Struct, frozen=True, gc=False):
    """`time_ns`: nanoseconds since 1970, strictly increasing over commands; `sequence`: 1, 2, 3 …"""

    time_ns: int
    sequence: int
