"""The beginning of a pruned journal, whose first segments were no longer needed and have been removed.

    offset  size
         0     8  magic "RFBEGINS"
         8     4  version (1)
        12     4  crc32 of the file with zero here
        16     8  first sequence of the segment that the journal begins with
        24     8  number of partitions
        32     8  for each partition, the sequence up to which its event store must have everything

Little-endian. The file `begins` is written before the first segment is removed. A segment before the
beginning is not part of the journal: if it is missing it was removed on purpose, and if it is there its
removal was interrupted. A segment that is missing without such a note is damage.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from engine.base.durable import NEW, read_file, replace_file
from engine.base.files import Files

NAME = "begins"
BESIDE = NAME + NEW
HEADER = struct.Struct("<8sIIQQ")
MAGIC = b"RFBEGINS"
VERSION = 1
MAX_PARTITIONS = 1 << 10


@dataclass(frozen=True, slots=True)
class Beginning:
    """The note. `first_sequence`: of the first segment; 0 if nothing was ever removed. `stored`: by
    partition."""

    first_sequence: int = 0
    stored: tuple[int, ...] = ()

    def encode(self) -> bytes:
        """The bytes of the file."""
        words = struct.pack(f"<{len(self.stored)}Q", *self.stored)
        blank = HEADER.pack(MAGIC, VERSION, 0, self.first_sequence, len(self.stored)) + words
        return HEADER.pack(MAGIC, VERSION, zlib.crc32(blank), self.first_sequence, len(self.stored)) + words


WHOLE = Beginning()


def decode(content: bytes) -> Beginning | str:
    """The note in the file, or what is wrong with it."""
    if len(content) < HEADER.size:
        return "the note of where the journal begins is too short"
    magic, version, _, first_sequence, count = HEADER.unpack_from(content)
    if magic != MAGIC or version != VERSION:
        return "the note of where the journal begins has another magic or version"
    if count > MAX_PARTITIONS or len(content) != HEADER.size + 8 * count:
        return "the note of where the journal begins has a wrong length"
    note = Beginning(first_sequence, struct.unpack_from(f"<{count}Q", content, HEADER.size))
    return note if note.encode() == content else "the note of where the journal begins fails its checksum"


def read_beginning(files: Files, folder: Path) -> Beginning | str:
    """Where the journal begins, or what is wrong with the note of it."""
    try:
        return decode(read_file(folder / NAME, files))
    except FileNotFoundError:
        return WHOLE


def write_beginning(files: Files, folder: Path, beginning: Beginning) -> None:
    """Replaces the note, durably."""
    replace_file(folder / NAME, beginning.encode(), files)
