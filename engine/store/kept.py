"""The kept decisions of a partition: the last messages of its log, byte for byte, beside the store.

    decisions          sequence u64 | length u32 | message, …      up to MOST_BYTES, then it becomes
    decisions.before   the same, of before

The store has what was decided, but not the messages; with these a log that has lost some gets back the very
ones, so that the chain holds for all nodes. They are not flushed: each names the digest of the one before,
so what a power cut leaves is seen to be whole or not, and the log has them all the same.
"""

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from engine.base.errors import CorruptData
from engine.store.place import Place
from engine.wire.replicated import decode_decision, digest_of

MOST_BYTES = 32 << 20
NAME, BEFORE = "decisions", "decisions.before"
_FRAME = struct.Struct("<QI")


class Kept(NamedTuple):
    """A message that is kept: its sequence in the log, and its bytes."""

    sequence: int
    message: bytes


class KeptDecisions:
    """The files of one partition, written by the process that stores. `place`: of the store; what is beyond
    it is cut off, and files that do not reach it begin again."""

    def __init__(self, folder: Path, place: Place) -> None:
        self._path, self._before = folder / NAME, folder / BEFORE
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._end = _end_of(self._path, place)
        if self._end is None:
            self._before.unlink(missing_ok=True)
        os.ftruncate(self._file, self._end or 0)
        self._size, self._broken = self._end or 0, False

    def add(self, sequence: int, message: bytes) -> None:
        """Keeps the next message. Where that fails nothing is kept until the next start."""
        if self._broken:
            return
        frame = _FRAME.pack(sequence, len(message)) + message
        try:
            if self._size and self._size + len(frame) > MOST_BYTES:
                self._turn_over()
            written = os.pwrite(self._file, frame, self._size)
            self._broken = written != len(frame)
        except OSError:
            self._broken = True
        if self._broken:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
        else:
            self._size += len(frame)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    def _turn_over(self) -> None:
        self._path.replace(self._before)
        fresh = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        os.close(self._file)  # only now: its number would be given to another file
        self._file, self._size = fresh, 0


def kept_upto(folder: Path, place: Place) -> list[Kept]:
    """The messages that are kept of a store, in order, each following the one before, up to its place. Fewer
    than there were, or none, if some are damaged."""
    found: list[Kept] = []
    for name in (BEFORE, NAME):
        for kept, _ in _frames(folder / name):
            if kept.sequence > place.decision:
                break
            follows = found and found[-1].sequence + 1 == kept.sequence
            try:
                if not follows or decode_decision(kept.message).before != digest_of(found[-1].message):
                    found = []
                found.append(kept)
            except CorruptData:
                found = []
    if not found or found[-1].sequence != place.decision or digest_of(found[-1].message) != place.digest:
        return []
    return found


def _end_of(path: Path, place: Place) -> int | None:
    """Where the message of the place ends in a file, 0 if the file is empty and may begin with the next one.
    None: it is not there."""
    last, at = None, 0
    for kept, end in _frames(path):
        if kept.sequence > place.decision:
            break
        last, at = kept, end
    if last is None:
        before = [kept for kept, _ in _frames(path.with_name(BEFORE))]
        last = before[-1] if before else None
    if last is None or last.sequence != place.decision or digest_of(last.message) != place.digest:
        return None
    return at


def _frames(path: Path) -> Iterator[tuple[Kept, int]]:
    """(message, where it ends) of each whole frame of a file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    at = 0
    while at + _FRAME.size <= len(content):
        sequence, length = _FRAME.unpack_from(content, at)
        begin, at = at + _FRAME.size, at + _FRAME.size + length
        if at > len(content):
            return
        yield Kept(sequence, content[begin:at]), at
