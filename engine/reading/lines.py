"""Lines of JSON for stored entries, for people and for programs that do not know the engine.

    {"partition":0,"position":7,"aggregate":"a","version":2,"command":"…","sequence":9,"time_ns":…,
     "events":[{"type":"note.created",…}],"result":…,"correlation":"…","causation":"…"}

The last three are there only where they are stored. Events and results are copied without being decoded.
"""

import heapq
from collections.abc import Iterator

import msgspec

from engine.reading.stores import Stores
from engine.reading.tail import StoredEntry
from engine.store import Types

_NULL = msgspec.Raw(b"null")


class _Raws(msgspec.Struct, frozen=True, gc=False, array_like=True):
    aggregate: msgspec.Raw
    version: int
    command: msgspec.Raw
    sequence: int
    time_ns: int
    events: msgspec.Raw
    result: msgspec.Raw = _NULL
    correlation: msgspec.Raw = _NULL
    causation: msgspec.Raw = _NULL


class _Sequence(msgspec.Struct, frozen=True, gc=False, array_like=True):
    aggregate: msgspec.Raw
    version: int
    command: msgspec.Raw
    sequence: int


_decode = msgspec.json.Decoder(_Raws).decode
_decode_sequence = msgspec.json.Decoder(_Sequence).decode
_LINE = (
    b'{"partition":%d,"position":%d,"aggregate":%b,"version":%d,"command":%b,"sequence":%d,"time_ns":%d,'
    b'"events":%b'
)


def line(stored: StoredEntry) -> bytes:
    """The line of an entry, without a line feed."""
    partition, position, entry = stored
    raws = _decode(entry)
    text = _LINE % (
        partition,
        position,
        raws.aggregate,
        raws.version,
        raws.command,
        raws.sequence,
        raws.time_ns,
        raws.events,
    )
    for name in ("result", "correlation", "causation"):
        value = bytes(getattr(raws, name))
        if value != b"null":
            text += b',"%b":%b' % (name.encode(), value)
    return text + b"}"


def merged(
    stores: Stores, partitions: list[int], types: Types | None = None, *, after: int = 0, upto: list[int]
) -> Iterator[StoredEntry]:
    """Entries after position `after` of some partitions, up to `upto[partition]`, in the order in which
    their commands were taken."""
    parts = [_part(stores, p, types, after, upto[p]) for p in partitions]
    return parts[0] if len(parts) == 1 else heapq.merge(*parts, key=sequence_of)


def merged_back(
    stores: Stores, partitions: list[int], types: Types | None = None, *, upto: list[int]
) -> Iterator[StoredEntry]:
    """The same from `upto[partition]` downwards."""
    parts = [_part_back(stores, p, types, upto[p]) for p in partitions]
    return parts[0] if len(parts) == 1 else heapq.merge(*parts, key=sequence_of, reverse=True)


def sequence_of(stored: StoredEntry) -> int:
    """The sequence of the command that made an entry: the order between partitions."""
    return _decode_sequence(stored[2]).sequence


def _part(
    stores: Stores, partition: int, types: Types | None, after: int, upto: int
) -> Iterator[StoredEntry]:
    reader = stores.reader(partition)
    for position, entry in () if reader is None else reader.entries(after, types):
        if position > upto:
            return
        yield partition, position, entry


def _part_back(stores: Stores, partition: int, types: Types | None, upto: int) -> Iterator[StoredEntry]:
    reader = stores.reader(partition)
    for position, entry in () if reader is None else reader.entries_back(upto + 1, types):
        yield partition, position, entry
