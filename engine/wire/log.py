"""The log record: what the store keeps under a position and the doorbell carries to projectors.

    record  = [first_position, [commit, …]]        JSON; commit k has position first_position + k
    commit  = [aggregate, version, command id, command sequence, time_ns, [event, …], result]

One commit is one stream entry: all events of one command, under one version, stored all or nothing.
"""

from typing import Any, Union

import msgspec

from engine.model.app import Engine


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


def record_decoder(app: Engine) -> "msgspec.json.Decoder[Any]":
    """Decodes records of this application into [first_position, list of typed commits]."""
    event: Any = Union[tuple(app.appliers)]  # noqa: UP007  a union built at run time
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
