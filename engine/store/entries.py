"""Entries of stored records: only those that are asked for are decoded, the others stay bytes."""

from collections.abc import Iterable, Iterator

import msgspec

from engine.wire.lifting import Tagged
from engine.wire.log import take_apart

Entry = tuple[int, msgspec.Raw]
"""A position and the encoded commit there."""


class _Start(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The first two fields of a commit."""

    aggregate: str
    version: int


class _Outline(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A commit without what its events contain."""

    aggregate: str
    version: int
    command: str
    sequence: int
    time_ns: int
    events: list[Tagged]


MOST_SEARCHED = 8  # names that are searched for in a whole record; taking it apart costs less than more

_decode_start = msgspec.json.Decoder(_Start).decode
_decode_outline = msgspec.json.Decoder(_Outline).decode


class Types:
    """A set of wanted event types. `names`: a name without a version stands for all of its versions, so that
    `note.created` includes `note.created@2`. `exactly`: wire tags as they are."""

    def __init__(self, names: Iterable[str] = (), exactly: Iterable[str] = ()) -> None:
        self._names = frozenset(names)
        self._tags = self._names | frozenset(exactly)
        # An encoded name without its closing quote matches every version, and costs one search a record.
        self._needles = [msgspec.json.encode(tag)[:-1] for tag in self._tags]

    def includes(self, tag: str) -> bool:
        """True if an event with this wire tag is wanted."""
        if tag in self._tags:
            return True
        name, _, version = tag.rpartition("@")
        return version.isdigit() and name in self._names

    def may_be_in(self, record: bytes) -> bool:
        """False only if no event in the record is wanted."""
        return len(self._needles) > MOST_SEARCHED or any(needle in record for needle in self._needles)

    def wants(self, entry: msgspec.Raw) -> bool:
        """True if an event of this commit is wanted."""
        return any(map(self.includes, tags_of(entry)))


def tags_of(entry: msgspec.Raw) -> list[str]:
    """The wire tags of a commit's events, in order."""
    return [event.type for event in _decode_outline(entry).events]


def aggregate_and_version(entry: msgspec.Raw) -> tuple[str, int]:
    """(aggregate, version) of a commit."""
    start = _decode_start(entry)
    return start.aggregate, start.version


def entries_in(
    record: bytes, after: int = 0, before: int | None = None, types: Types | None = None
) -> Iterator[Entry]:
    """The entries of a record at positions above `after` and below `before`, in order."""
    if types is not None and not types.may_be_in(record):
        return
    first, entries = take_apart(record)
    for position, entry in enumerate(entries, first):
        if position > after and (before is None or position < before) and (not types or types.wants(entry)):
            yield position, entry


def entries_of(
    record: bytes, aggregate: str, after_version: int = 0, before_version: int | None = None
) -> Iterator[Entry]:
    """The entries of one aggregate in a record, with versions between these two (both excluded), in order."""
    first, entries = take_apart(record)
    for position, entry in enumerate(entries, first):
        name, version = aggregate_and_version(entry)
        if (
            name == aggregate
            and version > after_version
            and (before_version is None or version < before_version)
        ):
            yield position, entry
