"""The log record: what the store keeps under a position and the doorbell carries to projectors.

    record  = [first_position, [commit, …]]        JSON; commit k has position first_position + k
    commit  = [aggregate, version, command id, command sequence, time_ns, [event, …], result]

One commit is one stream entry: all events of one command, under one version, stored all or nothing.
"""

from collections.abc import Iterable
from typing import Any, Union

import msgspec

from engine.model.app import Engine
from engine.model.messages import Event, wire_tag


class Commit(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One stream entry. `events` are typed where the reader knows them, else dictionaries."""

    aggregate: str
    version: int
    command: str
    sequence: int
    time_ns: int
    events: list[Any]
    result: Any = None


class RawRecord(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A record whose events are left as dictionaries: for tools that know no application."""

    first_position: int
    commits: list[Commit]


class Unread(msgspec.Struct, frozen=True, gc=False):
    """Stands for an event that a reader takes no notice of: none of its fields is decoded."""


def record_decoder(app: Engine, readers: Iterable[type[Event]] | None = None) -> "msgspec.json.Decoder[Any]":
    """Decodes records of this application into [first_position, list of typed commits].

    `readers`: the event classes that a projection reads. They may have fewer fields than what is stored
    under their wire names; all other events become `Unread`. None: every event as its aggregate applies it.
    """
    known: dict[str, type] = dict(app.events())
    if readers is not None:
        unread = {
            tag: msgspec.defstruct("Unread", [], bases=(Unread,), tag_field="type", tag=tag, frozen=True)
            for tag in known
        }
        known = unread | {wire_tag(event): event for event in readers}
    event: Any = Union[tuple(known.values())]  # noqa: UP007  a union built at run time
    typed = msgspec.defstruct(
        "TypedCommit",
        [
            ("aggregate", str),
            ("version", int),
            ("command", str),
            ("sequence", int),
            ("time_ns", int),
            ("events", list[event]),
            ("result", Any, None),
        ],
        array_like=True,
        frozen=True,
        gc=False,
    )
    return msgspec.json.Decoder(tuple[int, list[typed]])  # type: ignore[valid-type]


raw_record_decoder = msgspec.json.Decoder(RawRecord)
