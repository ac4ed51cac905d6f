"""The file of a snapshot. Pure functions on bytes.

    offset  size
         0     8  magic "RFSNAPSH"
         8     4  version (1)
        12     4  length of the head
        16    16  blake2b of the head
        32        head: JSON, see `Head`
                  then as many chunks as the head says, and nothing behind them

    a chunk
         0     8  length of the body
         8    16  blake2b of the body, keyed with the head's digest and begun with the chunk's number
        24        body: pickle of ([class number], [id], [version], [state]) of up to CHUNK aggregates

Little-endian. Nothing is unpickled before its digest was right. What aggregates share, such as a plan, is
stored once a chunk, as pickle does by itself.
"""

import hashlib
import io
import pickle
import struct
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from engine.model.aggregates import Aggregate

PREFIX = struct.Struct("<8sII16s")
CHUNK_PREFIX = struct.Struct("<Q16s")
MAGIC = b"RFSNAPSH"
VERSION = 1
CHUNK = 256  # aggregates; bounds the memory of writing
MAX_HEAD = 16 << 20

Beat = Callable[[], object]
"""Called every now and then by whatever takes long; may raise."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot says of itself."""

    partition: int
    position: int
    """of the last commit in it"""
    sequence: int
    """every command of the partition up to this one is in it, and none behind"""
    time_ns: int
    """of the last commit in it"""
    command: str
    """id of the last commit's command: tells whether it belongs to this event store"""
    aggregates: int
    chunks: int
    complete: bool
    """False: idle aggregates were left out, which are in the event store"""
    classes: list[str]
    """module:qualified name of each class of aggregates, by number"""
    event_types: list[str]
    """wire tags of all events up to `position`"""
    app: str
    code: str
    """see `engine.snapshots.code`"""
    made_ns: int
    """wall clock"""


def encode_head(head: Head) -> tuple[bytes, bytes]:
    """(the beginning of the file, the head's digest)."""
    body = msgspec.json.encode(head)
    digest = hashlib.blake2b(body, digest_size=16).digest()
    return PREFIX.pack(MAGIC, VERSION, len(body), digest) + body, digest


def head_length(prefix: bytes) -> int | str:
    """How long the head is, or why this is no snapshot."""
    if len(prefix) < PREFIX.size:
        return "the file is too short"
    magic, version, length, _ = PREFIX.unpack_from(prefix)
    if magic != MAGIC:
        return "the file does not begin as a snapshot does"
    if version != VERSION:
        return f"it has format version {version}, this program reads {VERSION}"
    return length if length <= MAX_HEAD else "the head is damaged"


def decode_head(prefix: bytes, body: bytes) -> tuple[Head, bytes] | str:
    """(head, its digest), or what is wrong."""
    digest: bytes = PREFIX.unpack_from(prefix)[3]
    if hashlib.blake2b(body, digest_size=16).digest() != digest:
        return "the head is damaged"
    try:
        return msgspec.json.decode(body, type=Head), digest
    except msgspec.DecodeError as error:
        return f"the head cannot be read: {error}"


def encode_chunk(
    number: int, key: bytes, kinds: dict[type, int], some: Sequence[Aggregate], beat: Beat
) -> list[bytes]:
    """The parts of a chunk. Raises what `pickle` raises for a state that it cannot take."""
    states = []
    for aggregate in some:
        states.append(aggregate.save_state())
        beat()
    rows = (
        [kinds[type(aggregate)] for aggregate in some],
        [aggregate.id for aggregate in some],
        [aggregate.version for aggregate in some],
        states,
    )
    sink = _Sink(beat)
    pickle.Pickler(sink, protocol=5).dump(rows)
    body = b"".join(sink.parts)
    return [CHUNK_PREFIX.pack(len(body), chunk_digest(number, key, body)), body]


def decode_chunk(body: bytes, classes: Sequence[type[Aggregate]], beat: Beat) -> list[Aggregate]:
    """The aggregates of a chunk whose digest was right."""
    numbers, ids, versions, states = pickle.Unpickler(_Source(body, beat)).load()
    found: list[Aggregate] = []
    for number, id, version, state in zip(numbers, ids, versions, states, strict=True):
        aggregate = classes[number](id)
        aggregate.load_state(state)
        aggregate.version = version
        found.append(aggregate)
        beat()
    return found


class _Sink:
    """Takes what is pickled, some 64 KiB at a time: a sign of life each, on however busy a machine."""

    def __init__(self, beat: Beat) -> None:
        self.parts: list[bytes] = []
        self._beat = beat

    def write(self, part: bytes) -> int:
        self.parts.append(bytes(part))
        self._beat()
        return len(part)


class _Source(io.BytesIO):
    """The same for what is unpickled."""

    def __init__(self, body: bytes, beat: Beat) -> None:
        super().__init__(body)
        self._beat = beat

    def read(self, size: int | None = -1, /) -> bytes:
        self._beat()
        return super().read(size)


def chunk_digest(number: int, key: bytes, body: bytes) -> bytes:
    """Of a chunk's body: fits at its place in its file only."""
    digest = hashlib.blake2b(number.to_bytes(8, "little"), digest_size=16, key=key)
    digest.update(body)
    return digest.digest()


def class_name(cls: type[Any]) -> str:
    """How a class is named in a head."""
    return f"{cls.__module__}:{cls.__qualname__}"
