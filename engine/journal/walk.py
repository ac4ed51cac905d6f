"""Walking a segment's frames, and what the walk may meet at their end."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.base.files import Files
from engine.journal import frame
from engine.journal.frame import HEADER_SIZE, NOTHING, SEAL, Frame, Head
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


class Window:
    """Reads a file ahead in chunks, so that small frames do not cost a system call each."""

    def __init__(self, files: Files, file: int, end: int) -> None:
        self.end = end
        self._files, self._file = files, file
        self._start, self._data = 0, b""

    def get(self, offset: int, length: int) -> bytes:
        """Bytes from `offset`: fewer only at `end`, or where the file ends before it."""
        at = offset - self._start
        if at < 0 or at + length > len(self._data):
            wanted = min(max(length, CHUNK), self.end - offset)
            self._data = self._files.read(self._file, wanted, offset) if wanted > 0 else b""
            self._start, at = offset, 0
        return self._data[at : at + length]


class Walk:
    """Iterates over the batches of one segment from its beginning; afterwards says how it ended.

    `sequence`, `time_ns`: of the last command seen. `offset`: the end of the last good frame.
    `sealed`: a seal was met. `problem`: what is wrong at `offset`, if anything is; the caller decides
    whether that is a torn tail. Memory: one frame and one chunk.
    """

    def __init__(self, files: Files, file: int, path: Path, header: Header, end: int | None = None) -> None:
        self.path, self.header = path, header
        self.sequence, self.time_ns = header.previous_sequence, header.previous_time_ns
        self.offset = BODY
        self.frames = 0
        self.sealed = False
        self.problem: Problem | None = None
        self._window = Window(files, file, header.size if end is None else min(end, header.size))

    @property
    def next_sequence(self) -> int:
        """The first sequence that the next frame has."""
        return self.sequence + 1 if self.frames else self.header.first_sequence

    def _follows(self, head: Head) -> bool:
        if head.previous_sequence != self.sequence:
            return False
        if head.kind == SEAL:  # where lost commands were allowed, the next segment begins later
            return head.first_sequence >= self.next_sequence
        return head.first_sequence == self.next_sequence

    def __iter__(self) -> Iterator[Frame]:
        while not self.sealed:
            if self.offset + HEADER_SIZE > self._window.end:
                return
            found = read_frame(self._window, self.offset, self.header.seed)
            if found is None:
                return
            if isinstance(found, str):
                self.problem = Problem(found, self.path, self.offset, self.next_sequence)
                return
            head, payload = found
            if not self._follows(head):
                text = f"a batch begins with sequence {head.first_sequence} here"
                self.problem = Problem(text, self.path, self.offset, self.next_sequence, order=True)
                return
            if head.kind == SEAL:
                self.sealed = True
                self.offset += head.size
                return
            at = self.offset
            self.frames += 1
            self.offset += head.size
            self.sequence = head.first_sequence + head.count - 1
            self.time_ns = head.time_ns + head.count - 1
            yield Frame(
                head.first_sequence, head.count, head.time_ns, payload, self.path, at, head.previous_sequence
            )


def read_frame(window: Window, offset: int, seed: int) -> tuple[Head, bytes] | str | None:
    """The frame at an offset; None where all is zero; or why there is no whole frame."""
    header = window.get(offset, HEADER_SIZE)
    if len(header) < HEADER_SIZE:
        return "the file ends inside a frame"
    if header == NOTHING:
        return None
    head = frame.decode_head(header, window.end - offset)
    if isinstance(head, str):
        return head
    body = window.get(offset + HEADER_SIZE, head.size - HEADER_SIZE)
    payload = body[: head.length]
    whole = len(body) == head.size - HEADER_SIZE
    if not whole or not frame.checksum_holds(head, payload, body[head.length :], seed):
        return "the frame fails its checksum"
    return head, payload


def end_of_data(files: Files, file: int, start: int) -> int:
    """The offset behind the last byte from `start` on that is not zero; `start` if all are zero."""
    end = start
    while data := files.read(file, CHUNK, start):
        if data != ZEROS[: len(data)]:
            end = start + len(data.rstrip(b"\0"))
        start += len(data)
    return end


def valid_frame_behind(files: Files, file: int, header: Header, start: int) -> int | None:
    """The offset of the first whole frame at or behind `start`, wherever it stands; None if there is none.

    Nothing in the damaged frame is believed, its length neither: every place where a frame could begin
    is tried.
    """
    window = Window(files, file, header.size)
    while start < header.size and (data := files.read(file, CHUNK, start)):
        at = data.find(frame.MAGIC)
        while at >= 0:
            if (start + at) % frame.ALIGNMENT == 0:
                found = read_frame(window, start + at, header.seed)
                if isinstance(found, tuple):
                    return start + at
            at = data.find(frame.MAGIC, at + 1)
        if len(data) < CHUNK:
            break
        start += CHUNK  # a multiple of the alignment: no frame's magic lies across a border
    return None
