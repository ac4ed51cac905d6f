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

Happened = Event | dict[str, Any]
"""An event; or one as it stands in the store, perhaps under an old version: its fields, and its `type`."""

Told = Happened | Sequence[Happened] | tuple[str, Happened | Sequence[Happened]]
"""What happened to AGGREGATE, the events of one command, or either with the aggregate that they are of."""


def several(events: Any) -> list[Happened]:
    """The events of one command, given as one or as a list. TypeError for anything else."""
    some = events if isinstance(events, list) else [events]
    if not some or not all(isinstance(event, Event) or _is_stored(event) for event in some):
        raise TypeError(f"an event, a stored event with its type, or a list of them, not {events!r}")
    return some


def taken_apart(told: Sequence[Told]) -> list[tuple[str, list[Happened]]]:
    """(aggregate, events) of each. TypeError for anything else."""
    entries = []
    for one in told:
        aggregate, events = one if isinstance(one, tuple) else (AGGREGATE, one)
        if not isinstance(aggregate, str):
            raise TypeError(f"an aggregate and its events are (aggregate, events), not {one!r}")
        entries.append((aggregate, several(events)))
    return entries


def _is_stored(event: object) -> bool:
    return isinstance(event, dict) and isinstance(event.get("type"), str)


class LogBook:
    """Makes the records of a log: one entry a record, versions counted, time going on."""

    def __init__(self) -> None:
        self.position = 0
        self.now_ns = START_NS
        self._versions: dict[str, int] = {}

    def record(self, aggregate: str, events: Sequence[Happened], time_ns: int = 0) -> bytes:
        """The record of the next position, as the store would keep it."""
        self.position += 1
        self.now_ns = max(self.now_ns + 1, time_ns)
        version = self._versions[aggregate] = self._versions.get(aggregate, 0) + 1
        entry = (aggregate, version, uuid7_hex(), self.position, self.now_ns, list(events), None)
        return encode_record((self.position, [entry]))


def application(cls: type, kind: str, app: Engine | None) -> Engine:
    """The application to try a class out with: the one given, or the one that it was registered on last.
    LookupError if there is none."""
    app = app or app_of(cls)
    if app is None:
        raise LookupError(
            f"{cls.__name__} is registered on no application: decorate it with @app.{kind}, or name the "
            "application that lists it, given(…, app=app)"
        )
    return app


def listed(messages: Sequence[Any]) -> str:
    """One message a line, for the text of a failed assertion."""
    return "".join(f"\n    {message!r}" for message in messages) or " nothing"
