"""The stamp: all that a handler may know of the world, which is what the input process wrote into the
journal."""

from datetime import datetime

import msgspec

from engine.base.instants import instant


class Stamp(msgspec.Struct, frozen=True, gc=False):
    """When and in which order a command was accepted.

    `time_ns`: nanoseconds since 1970 (UTC), strictly increasing over commands. `sequence`: 1, 2, 3 …
    """

    time_ns: int
    sequence: int

    @property
    def now(self) -> datetime:
        """The same time, aware, in UTC, to the microsecond below it."""
        return instant(self.time_ns)
