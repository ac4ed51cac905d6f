"""Events as the kit is told them, and the entries of the log that they become."""

from collections.abc import Sequence
from typing import Any

from engine.base.identity import uuid7_hex
from engine.model.app import Engine, app_of
from engine.model.messages import Event
from engine.wire.log import encode_record

AGGREGATE = "test"  # of events that name none
START_NS = 1_764_000_000_000_000_000
SECOND_NS = 1_000_000_000

Told = Event | list[Event] | tuple[str, Event | list[Event]]
"""An event of AGGREGATE, the events of one command, or either with the aggregate that they are of."""


def taken_apart(told: Sequence[Told]) -> list[tuple[str, list[Event]]]:
    """(aggregate, events) of each. TypeError for anything else."""
    found = []
    for one in told:
        aggregate, events = one if isinstance(one, tuple) else (AGGREGATE, one)
        several = events if isinstance(events, list) else [events]
        if not several or not all(isinstance(event, Event) for event in several):
            raise TypeError(f"an event, a list of events, or (aggregate, either), not {one!r}")
        found.append((aggregate, several))
    return found


class LogBook:
    """Makes the records of a log: one entry a record, versions counted, time going on."""

    def __init__(self) -> None:
        self.position = 0
        self.now_ns = START_NS
        self._versions: dict[str, int] = {}

    def record(self, aggregate: str, events: Sequence[Event], time_ns: int = 0) -> bytes:
        """The record of the next position, as the store would keep it."""
        self.position += 1
        self.now_ns = max(self.now_ns + 1, time_ns)
        version = self._versions[aggregate] = self._versions.get(aggregate, 0) + 1
        entry = (aggregate, version, uuid7_hex(), self.position, self.now_ns, list(events), None)
        return encode_record((self.position, [entry]))


def application(cls: type, kind: str) -> Engine:
    """The application of a class. LookupError if it was not registered on one."""
    app = app_of(cls)
    if app is None:
        raise LookupError(
            f"{cls.__name__} is registered on no application: decorate it with @app.{kind}, or call the "
            "function that builds the application first"
        )
    return app


def listed(messages: Sequence[Any]) -> str:
    """One message a line, for the text of a failed assertion."""
    return "".join(f"\n    {message!r}" for message in messages) or " nothing"
