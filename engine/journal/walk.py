"""The walk through a segment's frames, and the problems that it may meet at their end."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.base.files import Files
from engine.journal import frame
from engine.journal.frame import HEADER_SIZE, NOTHING, SEAL, Frame, FrameHeader
from engine.journal.segment import BODY, Header

CHUNK = 1 << 20
ZEROS = bytes(CHUNK)


@dataclass(frozen=True, slots=True)
class Problem:
    """Bytes that are not what was written. `sequence` is the one that should stand there."""

    text: str
    path: Path
    offset: int
    sequence: int
    order: bool = False  # the frame is whole, but its sequence is not the next one


class ReadAhead:
    """A file read ahead in chunks, so that small frames do not cost a system call each."""

    def __init__(self, files: Files, file: int, end: int) -> None:
        self.end = end
        self._files, self._file = files, file
        self._start, self._data = 0, b""

    def get(self, offset: int, length: int) -> bytes:
        """Bytes from `offset` on, fewer only at `end` or if the file ends before it."""
        at = offset - self._start
        if at < 0 or at + length > len(self._data):
            wanted = min(max(length, CHUNK), self.end - offset)
            self._data = self._files.read(self._file, wanted, offset) if wanted > 0 else b""
            self._start, at = offset, 0
        return self._data[at : at + length]


class Walk:
    """An iterator over the batches of one segment, which says afterwards how the segment ended.

    `sequence`, `time_ns`: of the last command read. `offset`: the end of the last good frame. `sealed`: there
    was a seal. `problem`: what is wrong at `offset`, if anything is; the caller decides whether that is a
    torn tail. It needs memory for one frame and one chunk.
    """

    def __init__(self, files: Files, file: int, path: Path, header: Header, end: int | None = None) -> None:
        self.path, self.header = path, header
        self.sequence, self.time_ns = header.previous_sequence, header.previous_time_ns
        self.offset = BODY
        self.frames = 0
        self.sealed = False
        self.problem: Problem | None = None
        self._read_ahead = ReadAhead(files, file, header.size if end is None else min(end, header.size))

    @property
    def next_sequence(self) -> int:
        """The first sequence of the next frame."""
        return self.sequence + 1 if self.frames else self.header.first_sequence

    def _follows(self, header: FrameHeader) -> bool:
        if header.previous_sequence != self.sequence:
            return False
        if header.kind == SEAL:  # where lost commands were allowed, the next segment begins later
            return header.first_sequence >= self.next_sequence
        return header.first_sequence == self.next_sequence

    def __iter__(self) -> Iterator[Frame]:
        while not self.sealed:
            if self.offset + HEADER_SIZE > self._read_ahead.end:
                return
            result = read_frame(self._read_ahead, self.offset, self.header.seed)
            if result is None:
                return
            if isinstance(result, str):
                self.problem = Problem(result, self.path, self.offset, self.next_sequence)
                return
            header, payload = result
            if not self._follows(header):
                text = f"a batch begins with sequence {header.first_sequence} here"
                self.problem = Problem(text, self.path, self.offset, self.next_sequence, order=True)
                return
            if header.kind == SEAL:
                self.sealed = True
                self.offset += header.size
                return
            at = self.offset
            self.frames += 1
            self.offset += header.size
            self.sequence = header.first_sequence + header.count - 1
            self.time_ns = header.time_ns + header.count - 1
            yield Frame(
                header.first_sequence,
                header.count,
                header.time_ns,
                payload,
                self.path,
                at,
                header.previous_sequence,
            )


def read_frame(read_ahead: ReadAhead, offset: int, seed: int) -> tuple[FrameHeader, bytes] | str | None:
    """The frame at an offset, None if all is zero there, or why there is no whole frame."""
    start = read_ahead.get(offset, HEADER_SIZE)
    if len(start) < HEADER_SIZE:
        return "the file ends inside a frame"
    if start == NOTHING:
        return None
    header = frame.decode_header(start, read_ahead.end - offset)
    if isinstance(header, str):
        return header
    body = read_ahead.get(offset + HEADER_SIZE, header.size - HEADER_SIZE)
    payload = body[: header.length]
    whole = len(body) == header.size - HEADER_SIZE
    if not whole or not frame.checksum_holds(header, payload, body[header.length :], seed):
        return "the frame fails its checksum"
    return header, payload


def end_of_data(files: Files, file: int, start: int) -> int:
    """The offset after the last byte from `start` on that is not zero; `start` if all are zero."""
    end = start
    while data := files.read(file, CHUNK, start):
        if data != ZEROS[: len(data)]:
            end = start + len(data.rstrip(b"\0"))
        start += len(data)
    return end


def valid_frame_after(files: Files, file: int, header: Header, start: int) -> int | None:
    """The offset of the first whole frame at or after `start`; None if there is none.

    Nothing in the damaged frame is believed, not even its length, so every offset at which a frame could
    begin is tried.
    """
    read_ahead = ReadAhead(files, file, header.size)
    while start < header.size and (data := files.read(file, CHUNK, start)):
        at = data.find(frame.MAGIC)
        while at >= 0:
            aligned = (start + at) % frame.ALIGNMENT == 0
            if aligned and isinstance(read_frame(read_ahead, start + at, header.seed), tuple):
                return start + at
            at = data.find(frame.MAGIC, at + 1)
        if len(data) < CHUNK:
            break
        start += CHUNK  # a multiple of the alignment, so no frame's magic crosses the border
    return None
