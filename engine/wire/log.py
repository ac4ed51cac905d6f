"""The log record, which the store keeps under a position and the doorbell carries to projectors.

    record  = [first_position, [commit, …]]        JSON; commit k has position first_position + k
    commit  = [aggregate, version, command id, command sequence, time_ns, [event, …], result,
               correlation, causation]

The last two are there only where the command has them, so most commits end with their result.
One commit is one stream entry: all events of one command, under one version, stored all or nothing.

A record is decoded in one go as long as all of its events are of today's versions. One that holds an older
event is taken apart, and each old event is lifted (`engine.wire.lifting`).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Union

import msgspec

from engine.base.errors import ConfigError, CorruptData
from engine.model.app import Engine
from engine.model.commit import Commit
from engine.model.messages import Event, wire_tag
from engine.wire.lifting import EventDecoder, lifts, tag_in


class RawRecord(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A record whose events are left as dictionaries: for tools that know no application."""

    first_position: int
    commits: list[Commit]


class Unread(msgspec.Struct, frozen=True, gc=False):
    """Stands for an event that a reader ignores; none of its fields is decoded."""


class Parts(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A commit whose events are still bytes."""

    aggregate: str
    version: int
    command: str
    sequence: int
    time_ns: int
    events: list[msgspec.Raw]
    result: Any = None
    correlation: str | None = None
    causation: str | None = None


class Unreadable(msgspec.Struct, frozen=True):
    """Stands for a commit with an event that its reader cannot read, for the reason in `error`. The `events`
    have only their tags."""

    aggregate: str
    version: int
    command: str
    time_ns: int
    events: list[Any]
    error: ConfigError


class Outline(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A commit as its answer needs it: neither events nor result are decoded."""

    aggregate: str
    version: int
    command: str
    sequence: int
    time_ns: int
    events: msgspec.Raw
    result: msgspec.Raw
    correlation: str | None = None
    causation: str | None = None


class RecordDecoder:
    """A decoder of records, and of single commits in them, for one application."""

    def __init__(self, app: Engine, readers: Iterable[type[Event]] | None = None) -> None:
        known: dict[str, type] = dict(app.events())
        if readers is not None:
            wanted = {wire_tag(event): event for event in readers}
            old = [tag for tag, lift in lifts(app).items() if lift.target not in wanted]
            known = {tag: _unread(tag) for tag in (*known, *old)} | wanted
        event: Any = Union[tuple(known.values())]  # noqa: UP007  a union built at run time
        self._typed: Any = msgspec.defstruct(
            "TypedCommit",
            [("events", list[event])],
            bases=(Commit,),
            array_like=True,
            frozen=True,
            gc=False,
        )
        self._all = msgspec.json.Decoder(tuple[int, list[self._typed]]).decode  # type: ignore[name-defined]
        self._one = msgspec.json.Decoder(self._typed).decode
        self._event = EventDecoder(lifts(app), known).decode

    def decode(self, record: bytes) -> tuple[int, list[Any]]:
        """(first position, typed commits). ConfigError on an event that the application cannot read."""
        try:
            return self._all(record)
        except msgspec.ValidationError:
            first, entries = take_apart(record)
            return first, [self.commit(entry, first + k) for k, entry in enumerate(entries)]

    def decode_each(self, record: bytes) -> tuple[int, list[Any]]:
        """The same for a record with such an event, which becomes `Unreadable` with its commit."""
        first, entries = take_apart(record)
        return first, [self.commit_or_unreadable(entry, first + k) for k, entry in enumerate(entries)]

    def decode_what_can_be(self, record: bytes) -> tuple[bool, int, list[Any]]:
        """(can all of it be read, first position, commits)"""
        try:
            return True, *self.decode(record)
        except ConfigError:
            return False, *self.decode_each(record)

    def commit_or_unreadable(self, entry: "msgspec.Raw | bytes", position: int) -> Any:
        """The typed commit of one entry, or what stands for it."""
        try:
            return self.commit(entry, position)
        except ConfigError as error:
            parts = _parts(entry, position)
            tags = [_unread(tag_in(event))() for event in parts.events]
            return Unreadable(parts.aggregate, parts.version, parts.command, parts.time_ns, tags, error)

    def commit(self, entry: "msgspec.Raw | bytes", position: int) -> Any:
        """The typed commit of one entry of a record; `position` is for the error."""
        try:
            return self._one(entry)
        except msgspec.ValidationError:
            parts = _parts(entry, position)
        events = [self._event(raw, aggregate=parts.aggregate, position=position) for raw in parts.events]
        return self._typed(**msgspec.structs.asdict(parts) | {"events": events})


def record_decoder(app: Engine, readers: Iterable[type[Event]] | None = None) -> RecordDecoder:
    """Decodes records of this application into [first_position, list of typed commits].

    `readers`: the event classes that a projection reads. They may have fewer fields than what is stored
    under their wire names; all other events become `Unread`. None: every event as its aggregate applies it.
    """
    return RecordDecoder(app, readers)


def _parts(entry: "msgspec.Raw | bytes", position: int) -> Parts:
    try:
        return decode_parts(entry)
    except msgspec.ValidationError as error:
        raise CorruptData("a stored entry is malformed", position=position, error=error) from error


def _unread(tag: str) -> type:
    return msgspec.defstruct("Unread", [], bases=(Unread,), tag_field="type", tag=tag, frozen=True)


def first_of(record: bytes) -> int:
    """The first position of a record, without decoding it."""
    return int(record[1 : record.index(b",")])


encode_record: Callable[[tuple[int, Sequence[Any]]], bytes] = msgspec.json.Encoder().encode
"""The bytes of (first position, commits). A commit may be a tuple: the same bytes, made in half the time."""

raw_record_decoder = msgspec.json.Decoder(RawRecord)
decode_commit = msgspec.json.Decoder(Commit).decode
"""One entry of a record, events as dictionaries."""
take_apart = msgspec.json.Decoder(tuple[int, list[msgspec.Raw]]).decode
"""(first position, entries still encoded)"""
outlines = msgspec.json.Decoder(tuple[int, list[Outline]]).decode
"""(first position, outlines of the commits)"""
decode_parts = msgspec.json.Decoder(Parts).decode
