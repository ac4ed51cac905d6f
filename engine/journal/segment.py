"""The segment: a file of preallocated, zero-filled space that frames are written into, one after another.

    offset  size
         0     8  magic "RFJOURNL"
         8     4  version (1)
        12     4  crc32 of this header with zero here
        16     8  size of the file
        24     8  first sequence; the file's name is this number, 20 digits, ".journal"
        32     8  last sequence before this segment
        40     8  first sequence of the segment before; 0 if this is the first one
        48     8  time of the last command before this segment
        56     8  salt: random bits
        64        zeros
      4096        frames, then zeros up to the size

Little-endian. A zero header where a frame would begin is the end. The header has a page of its own, so that
no later write touches it. The checksums of frames begin with the crc32 of the header. So a frame that was
written for another segment does not pass, and a client that puts the bytes of a frame into a command cannot
make recovery accept it, because the client does not know the salt.

The first sequence is the last sequence before plus one, unless an operator allowed lost commands; then the
lost ones are those between.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from engine.base.files import Files

HEADER = struct.Struct("<8sIIQQQQQQ")
MAGIC = b"RFJOURNL"
VERSION = 1
BODY = 4096
SUFFIX = ".journal"
DIGITS = 20
MIN_SEGMENT_BYTES = BODY + 1024


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a segment."""

    size: int
    first_sequence: int
    previous_sequence: int
    previous_segment: int
    previous_time_ns: int
    salt: int

    @property
    def seed(self) -> int:
        """The value with which the checksums of this segment's frames begin."""
        return zlib.crc32(self._pack(0))

    def encode(self) -> bytes:
        """The header's bytes."""
        return self._pack(self.seed)

    def _pack(self, crc: int) -> bytes:
        return HEADER.pack(
            MAGIC, VERSION, crc, self.size, self.first_sequence, self.previous_sequence,
            self.previous_segment, self.previous_time_ns, self.salt,
        )  # fmt: skip


def decode_header(page: bytes) -> Header | str:
    """The header on a segment's first page, or what is wrong with it."""
    if len(page) < HEADER.size:
        return "the file is too short to be a segment"
    magic, version, crc, *fields = HEADER.unpack_from(page)
    if magic != MAGIC:
        return "the file does not begin as a segment does"
    header = Header(*fields)
    if version != VERSION:
        return f"the segment has format version {version}, this program reads {VERSION}"
    if header.seed != crc:
        return "the segment's header fails its checksum"
    return header


def segment_name(first_sequence: int) -> str:
    """The file name of the segment that begins with this sequence."""
    return f"{first_sequence:0{DIGITS}d}{SUFFIX}"


def named_sequence(name: str) -> int | None:
    """The sequence in a segment's file name; None if it is not the name of a segment."""
    digits = name.removesuffix(SUFFIX)
    return int(digits) if len(digits) == DIGITS and digits.isascii() and digits.isdigit() else None


def segment_names(files: Files, folder: Path) -> list[str]:
    """Names of the files in the folder that claim to be segments, in order of sequence."""
    return [name for name in files.names(folder) if name.endswith(SUFFIX)]
