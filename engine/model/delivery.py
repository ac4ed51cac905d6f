"""The delivery: one event or application message, as a subscriber or a worker gets it."""

from datetime import datetime
from typing import Any

import msgspec

from engine.base.instants import instant


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """An event or application message. `id` is the same however often it is delivered: `<command>-<index>`.

    `event`: an object of the class that was asked for, or a dictionary where a name was. `correlation` and
    `causation` are those of the command, None where it has none.
    """

    id: str
    type: str
    event: Any
    aggregate: str
    version: int
    partition: int
    position: int
    index: int
    time_ns: int
    correlation: str | None = None
    causation: str | None = None

    @property
    def command(self) -> str:
        """The id of the command that led to it."""
        return self.id.partition("-")[0]

    @property
    def time(self) -> datetime:
        """When its command was accepted: `time_ns` as an aware datetime, in UTC."""
        return instant(self.time_ns)
