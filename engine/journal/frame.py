"""The frame: one batch of commands in the journal. Pure functions on bytes.

    offset  size
         0     4  magic "RFRM"
         4     1  version (1)
         5     1  kind: 1 batch, 2 seal (the last frame of a segment that has a successor)
         6     2  zero
         8     4  length of the payload
        12     4  crc32 of this header with zero here, then of the payload; begun with the segment's seed
        16     4  count of commands, 0 for a seal
        20     4  zero
        24     8  first sequence; of a seal, the first sequence of the next segment
        32     8  previous durable sequence
        40     8  time of the first command, ns since 1970
        48        payload, then zeros up to a multiple of 8

Little-endian. Command k of the frame has sequence first + k. A frame is written only after the frame
before it is durable, so `previous` is a witness: a frame that names a sequence proves it was durable.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

HEADER = struct.Struct("<4sBBHIIIIQQQ")
HEADER_SIZE = HEADER.size
MAGIC = b"RFRM"
VERSION = 1
BATCH, SEAL = 1, 2
ALIGNMENT = 8
NOTHING = bytes(HEADER_SIZE)
PADS = tuple(bytes(-n % ALIGNMENT) for n in range(ALIGNMENT))
MAX_LENGTH = (1 << 31) - 1  # far above any batch; keeps a nonsense length from being believed


@dataclass(frozen=True, slots=True)
class Frame:
    """A batch read back. Commands have sequences first_sequence … last_sequence."""

    first_sequence: int
    count: int
    time_ns: int
    payload: bytes
    path: Path
    offset: int
    previous_sequence: int

    @property
    def last_sequence(self) -> int:
        """The sequence of the batch's last command."""
        return self.first_sequence + self.count - 1


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """A frame's header. Its format has been checked, the checksum of the frame has not."""

    kind: int
    length: int
    crc: int
    count: int
    first_sequence: int
    previous_sequence: int
    time_ns: int

    @property
    def size(self) -> int:
        """Bytes of the whole frame, padding included."""
        return HEADER_SIZE + self.length + -self.length % ALIGNMENT


def frame_size(length: int) -> int:
    """The bytes that a frame with a payload of this length occupies in a segment."""
    return HEADER_SIZE + length + -length % ALIGNMENT


SEAL_SIZE = frame_size(0)


def encode(
    payload: bytes, seed: int, kind: int, count: int, first: int, previous: int, time_ns: int
) -> list[bytes]:
    """The parts to write one after the other: header, payload, padding."""
    length = len(payload)
    blank = HEADER.pack(MAGIC, VERSION, kind, 0, length, 0, count, 0, first, previous, time_ns)
    crc = zlib.crc32(payload, zlib.crc32(blank, seed))
    header = HEADER.pack(MAGIC, VERSION, kind, 0, length, crc, count, 0, first, previous, time_ns)
    return [header, payload, PADS[length % ALIGNMENT]] if length % ALIGNMENT else [header, payload]


def encode_seal(seed: int, first: int, previous: int, time_ns: int) -> list[bytes]:
    """The last frame of a segment, which says that a segment beginning with `first` follows."""
    return encode(b"", seed, SEAL, 0, first, previous, time_ns)


def decode_header(data: bytes | memoryview, room: int) -> FrameHeader | str:
    """The header of a frame of at most `room` bytes, or why it cannot be one."""
    magic, version, kind, zero, length, crc, count, zero2, first, previous, time_ns = HEADER.unpack(data)
    if magic != MAGIC:
        return "no frame begins here"
    if version != VERSION or kind not in (BATCH, SEAL) or zero or zero2:
        return "the frame's header is damaged"
    header = FrameHeader(kind, length, crc, count, first, previous, time_ns)
    if length > MAX_LENGTH or header.size > room:
        return "the frame reaches past the end of its segment"
    if (count == 0) is not (kind == SEAL) or (length and kind == SEAL):
        return "the frame's header is damaged"
    return header


def checksum_holds(
    header: FrameHeader, payload: bytes | memoryview, padding: bytes | memoryview, seed: int
) -> bool:
    """True if the frame is as it was written."""
    blank = HEADER.pack(
        MAGIC, VERSION, header.kind, 0, header.length, 0, header.count, 0,
        header.first_sequence, header.previous_sequence, header.time_ns,
    )  # fmt: skip
    return zlib.crc32(payload, zlib.crc32(blank, seed)) == header.crc and not any(padding)
