"""The commit: one entry of an aggregate's stream, all events of one command under one version."""

from datetime import datetime
from typing import Any

import msgspec

from engine.base.instants import instant


class Commit(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One stream entry. `events` are typed if the reader knows them, otherwise dictionaries. `correlation`
    and `causation` are those of the command, None where it has none."""

    aggregate: str
    version: int
    command: str
    sequence: int
    time_ns: int
    events: list[Any]
    result: Any = None
    correlation: str | None = None
    causation: str | None = None

    @property
    def time(self) -> datetime:
        """When its command was accepted: `time_ns` as an aware datetime, in UTC."""
        return instant(self.time_ns)
