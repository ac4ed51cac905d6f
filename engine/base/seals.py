"""Seals: the checksums on what is stored where nothing else checks it, which is LMDB's pages and small files.

    value in LMDB   crc32 of key and value (4, big-endian) | value
    note            text | "crc32 " eight hex digits, the checksum of the text before it, and a line feed

The key is under the seal too, so that a value which turns up under another key is noticed as well.
"""

import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from struct import Struct

from engine.base.errors import CorruptData

SEAL_BYTES = 4


class SealBroken(ValueError):
    """A small file is not what was written."""


_pack = Struct(">I").pack
_LINE = re.compile(rb"crc32 ([0-9a-f]{8})\n")
LINE_BYTES = 15


def seal(key: bytes, value: bytes) -> bytes:
    """A value as it is stored under its key."""
    return _pack(zlib.crc32(value, zlib.crc32(key))) + value


def seal_all(keys: Iterable[bytes], value: bytes) -> list[tuple[bytes, bytes]]:
    """The rows of an index that all point to one place. Short, so joined rather than checked in two calls:
    a quarter cheaper."""
    crc32, pack = zlib.crc32, _pack
    return [(key, pack(crc32(key + value)) + value) for key in keys]


def is_sealed(key: bytes, stored: bytes) -> bool:
    """True if this was stored under this key."""
    value = stored[SEAL_BYTES:]
    return stored[:SEAL_BYTES] == _pack(zlib.crc32(value, zlib.crc32(key)))


def unseal(key: bytes, stored: bytes, path: Path, table: str) -> bytes:
    """The value. CorruptData, which names its place, if its seal is broken."""
    value = stored[SEAL_BYTES:]
    if stored[:SEAL_BYTES] != _pack(zlib.crc32(value, zlib.crc32(key))):
        raise CorruptData("a stored value fails its checksum", path=path, table=table, key=told_key(key))
    return value


def told_key(key: bytes) -> str:
    """A key as an error has it: positions and sequences as numbers."""
    return str(int.from_bytes(key, "big")) if len(key) == 8 else bytes(key).hex()


def seal_note(text: bytes) -> bytes:
    """The content of a small file with this text, which ends with a line feed."""
    return text + b"crc32 %08x\n" % zlib.crc32(text)


def is_note(content: bytes) -> bool:
    """True if a file ends as one with a seal does, broken or not."""
    return _LINE.fullmatch(content[-LINE_BYTES:]) is not None


def unseal_note(content: bytes) -> bytes:
    """The text of such a file. SealBroken if its seal is broken or missing."""
    text, line = content[:-LINE_BYTES], _LINE.fullmatch(content[-LINE_BYTES:])
    if line is None or int(line[1], 16) != zlib.crc32(text):
        raise SealBroken("it fails its checksum")
    return text
