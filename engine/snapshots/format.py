"""The file of a snapshot. Pure functions on bytes.

    offset  size
         0     8  magic "RFSNAPSH"
         8     4  version (1)
        12     4  length of the header
        16    16  blake2b of the header
        32        header: JSON, see `SnapshotHeader`
                  then as many chunks as the header says, and nothing after them

    a chunk
         0     8  length of the body
         8    16  blake2b of the body, keyed with the header's digest and begun with the chunk's number
        24        body: pickle of ([class number], [id], [version], [state]) of up to CHUNK aggregates

Little-endian. Nothing is unpickled until its digest has been checked. What aggregates share, such as a plan,
is stored once a chunk, as pickle does by itself.
"""

import hashlib
import io
import pickle
import struct
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.model.aggregates import Aggregate

PREFIX = struct.Struct("<8sII16s")
CHUNK_PREFIX = struct.Struct("<Q16s")
MAGIC = b"RFSNAPSH"
VERSION = 1
CHUNK = 256  # aggregates; bounds the memory of writing
MAX_HEADER = 16 << 20

Beat = Callable[[], object]
"""Called every now and then during long work; may raise."""


class SnapshotHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot says of itself."""

    partition: int
    position: int
    """of the last commit in it"""
    sequence: int
    """every command of the partition up to this one is in it, and none after it"""
    time_ns: int
    """of the last commit in it"""
    command: str
    """id of the last commit's command, which shows whether the snapshot belongs to this event store"""
    aggregates: int
    chunks: int
    complete: bool
    """False: idle aggregates were left out; they are in the event store"""
    classes: list[str]
    """module:qualified name of each class of aggregates, by number"""
    event_types: list[str]
    """wire tags of all events up to `position`"""
    app: str
    code: str
    """see `engine.snapshots.code`"""
    made_ns: int
    """wall clock"""


def encode_header(header: SnapshotHeader) -> tuple[bytes, bytes]:
    """(the beginning of the file, the header's digest)."""
    body = msgspec.json.encode(header)
    digest = hashlib.blake2b(body, digest_size=16).digest()
    return PREFIX.pack(MAGIC, VERSION, len(body), digest) + body, digest


def header_length(prefix: bytes) -> int | str:
    """The length of the header, or why the file is not a snapshot."""
    if len(prefix) < PREFIX.size:
        return "the file is too short"
    magic, version, length, _ = PREFIX.unpack_from(prefix)
    if magic != MAGIC:
        return "the file does not begin as a snapshot does"
    if version != VERSION:
        return f"it has format version {version}, this program reads {VERSION}"
    return length if length <= MAX_HEADER else "the header is damaged"


def decode_header(prefix: bytes, body: bytes) -> tuple[SnapshotHeader, bytes] | str:
    """(header, its digest), or what is wrong with it."""
    digest: bytes = PREFIX.unpack_from(prefix)[3]
    if hashlib.blake2b(body, digest_size=16).digest() != digest:
        return "the header is damaged"
    try:
        return msgspec.json.decode(body, type=SnapshotHeader), digest
    except NOT_DECODABLE as error:
        return f"the header cannot be read: {error}"


def encode_chunk(
    number: int, key: bytes, kinds: dict[type, int], some: Sequence[Aggregate], beat: Beat
) -> list[bytes]:
    """The parts of a chunk. Raises what `pickle` raises for a state that it cannot store."""
    states = []
    for aggregate in some:
        states.append(aggregate.save_state())
        beat()
    rows = (
        [kinds[type(aggregate)] for aggregate in some],
        [aggregate.engine_id for aggregate in some],
        [aggregate.engine_version for aggregate in some],
        states,
    )
    sink = _Sink(beat)
    pickle.Pickler(sink, protocol=5).dump(rows)
    body = b"".join(sink.parts)
    return [CHUNK_PREFIX.pack(len(body), chunk_digest(number, key, body)), body]


def decode_chunk(body: bytes, classes: Sequence[type[Aggregate]], beat: Beat) -> list[Aggregate]:
    """The aggregates of a chunk whose digest has been checked."""
    numbers, ids, versions, states = pickle.Unpickler(_Source(body, beat)).load()
    aggregates: list[Aggregate] = []
    for number, id, version, state in zip(numbers, ids, versions, states, strict=True):
        aggregate = classes[number](id)
        aggregate.load_state(state)
        aggregate.engine_version = version
        aggregates.append(aggregate)
        beat()
    return aggregates


class _Sink:
    """A file that pickle writes to, some 64 KiB at a time. Each write is a sign of life on a busy machine."""

    def __init__(self, beat: Beat) -> None:
        self.parts: list[bytes] = []
        self._beat = beat

    def write(self, part: bytes) -> int:
        self.parts.append(bytes(part))
        self._beat()
        return len(part)


class _Source(io.BytesIO):
    """A file that pickle reads from, with a sign of life at each read."""

    def __init__(self, body: bytes, beat: Beat) -> None:
        super().__init__(body)
        self._beat = beat

    def read(self, size: int | None = -1, /) -> bytes:
        self._beat()
        return super().read(size)


def chunk_digest(number: int, key: bytes, body: bytes) -> bytes:
    """The digest of a chunk's body, which fits only this file and only this chunk number."""
    digest = hashlib.blake2b(number.to_bytes(8, "little"), digest_size=16, key=key)
    digest.update(body)
    return digest.digest()


def class_name(cls: type[Any]) -> str:
    """The name of a class in a header."""
    return f"{cls.__module__}:{cls.__qualname__}"
