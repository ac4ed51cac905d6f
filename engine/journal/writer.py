"""The writer of the journal: one write and one flush per batch.

The steps of a rotation are ordered so that a crash between any two of them leaves a journal that a start
accepts:

    1  the spare gets its header and is flushed
    2  it is renamed to its first sequence, and the folder is flushed
    3  the old segment is sealed and flushed; from now on a start knows if the successor is missing
    4  batches go to the new segment

Each step is done once. If the disk is full at one of them, the next append continues there.
"""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from engine.base.crash import crash_point
from engine.base.errors import Fault, NoSpace, check
from engine.base.files import FULL, Bytes, Files, OsFiles, write_all
from engine.journal import frame
from engine.journal.frame import BATCH, SEAL_SIZE
from engine.journal.recovery import Recovered, recover
from engine.journal.segment import BODY, MIN_SEGMENT_BYTES, Header, segment_name
from engine.journal.spare import Spare

SEGMENT_BYTES = 64 << 20


@dataclass(slots=True)
class _Open:
    """A segment that can be written to."""

    file: int
    path: Path
    header: Header
    seed: int
    sealed: bool = False


class Writer:
    """The one writer of a journal, for use by one thread.

    `recovered`: what `recover` returned for this folder; without it the writer recovers by itself. After a
    Fault nothing more is accepted, because the page cache can no longer be trusted, so the process must end.
    """

    def __init__(
        self,
        folder: Path,
        recovered: Recovered | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        files: Files | None = None,
        background: bool = True,
    ) -> None:
        if segment_bytes < MIN_SEGMENT_BYTES:
            raise ValueError(f"a segment must have at least {MIN_SEGMENT_BYTES} bytes, not {segment_bytes}")
        self._folder, self._files = folder, files or OsFiles()
        start = recovered or recover(folder, files=self._files)
        self._spare = Spare(folder, self._files, segment_bytes, background)
        self._half = BODY + (segment_bytes - BODY) // 2
        self._failed = False
        self._sequence = start.last_sequence  # the last one used; the next batch begins after it
        self._durable = start.journal_sequence  # the last one in the journal; lower if some are lost
        self._time_ns = start.last_time_ns
        self._segment: _Open | None = None
        self._successor: _Open | None = None
        self._offset = self._size = 0
        self._dirty = 0  # a failed write may have left bytes up to here; the next one covers them
        try:
            if start.path is not None and start.header is not None:
                file = self._files.open(start.path, write=True)
                newest = _Open(file, start.path, start.header, start.header.seed, start.sealed)
                self._use(newest, start.offset)
            if self._segment is None or self._segment.sealed or self._sequence != start.next_sequence - 1:
                self._rotate(self._sequence + 1, 0)
        except OSError as error:
            raise self._failure(error) from error

    @property
    def sequence(self) -> int:
        """The sequence of the last command appended or recovered."""
        return self._sequence

    def append(self, payload: bytes, first_sequence: int, count: int, time_ns: int) -> None:
        """Makes one batch durable; once this returns, no crash loses it.

        NoSpace: the disk is full, nothing was kept, and the same sequence may be tried again. Fault: the disk
        failed, whether the batch was kept is unknown, and the process must end.
        """
        follows = first_sequence == self._sequence + 1 and count > 0
        check(
            follows, "a batch must follow the last one", sequence=first_sequence, last_sequence=self._sequence
        )
        if self._failed:
            raise Fault("the journal failed before; nothing more is written", path=self._folder)
        try:
            size = frame.frame_size(len(payload))
            if self._successor is not None or self._offset + size + SEAL_SIZE > self._size:
                self._rotate(first_sequence, size)
            segment = self._segment
            assert segment is not None  # it was made at the start; this is for the type checker
            parts: list[Bytes] = [
                *frame.encode(payload, segment.seed, BATCH, count, first_sequence, self._durable, time_ns)
            ]
            self._write(segment.file, parts, size)
            crash_point("input.written")
            self._flush(segment.file)
        except OSError as error:
            raise self._failure(error) from error
        self._offset += size
        self._sequence = self._durable = first_sequence + count - 1
        self._time_ns = time_ns + count - 1
        if self._offset > self._half:
            self._spare.prepare()

    def close(self) -> None:
        """Closes the files. Everything appended is durable already."""
        self._spare.close()
        for segment in (self._segment, self._successor):
            if segment is not None:
                self._files.close(segment.file)
        self._segment = self._successor = None
        self._failed = True

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, file: int, parts: list[Bytes], size: int) -> None:
        end = self._offset + size
        if self._dirty > end:
            parts.append(bytes(self._dirty - end))
        try:
            write_all(self._files, file, parts, self._offset)
        except OSError:
            self._dirty = max(self._dirty, end)
            self._void(file, parts)
            raise
        self._dirty = 0

    def _void(self, file: int, parts: list[Bytes]) -> None:
        """Voids a frame whose write failed, if it is whole all the same because only zeros were missing."""
        whole = b"".join(parts)
        try:
            if self._files.read(file, len(whole), self._offset) == whole:
                write_all(self._files, file, [frame.NOTHING], self._offset)
                self._files.flush(file)
        except OSError as error:
            self._failed = True
            text = "a batch for which there was no room could not be taken back"
            raise Fault(text, path=self._folder, sequence=self._sequence + 1, error=error) from error

    def _flush(self, file: int) -> None:
        try:
            self._files.flush(file)
        except OSError as error:
            # Never tried again, because the kernel may have dropped the pages and report success the second
            # time.
            self._failed = True
            raise Fault("the journal could not be flushed", path=self._folder, error=error) from error

    def _failure(self, error: OSError) -> NoSpace | Fault:
        if error.errno in FULL:
            return NoSpace("the journal's disk is full", path=self._folder, error=error)
        self._failed = True
        sequence = self._sequence + 1
        return Fault("the journal could not be written", path=self._folder, sequence=sequence, error=error)

    def _use(self, segment: _Open, offset: int) -> None:
        self._segment, self._offset, self._size, self._dirty = segment, offset, segment.header.size, 0

    def _rotate(self, first_sequence: int, size: int) -> None:
        """Continues in a new segment with room for a frame of `size` bytes."""
        if self._successor is None:
            self._successor = self._install(first_sequence, size)
        old = self._segment
        replaced = old is not None and old.header.first_sequence == first_sequence
        if old is not None and not old.sealed and not replaced:
            parts: list[Bytes] = [*frame.encode_seal(old.seed, first_sequence, self._durable, self._time_ns)]
            self._write(old.file, parts, SEAL_SIZE)
            self._flush(old.file)
            old.sealed = True
            crash_point("roll.sealed")
        self._use(self._successor, BODY)
        self._successor = None
        if old is not None:
            self._files.close(old.file)

    def _before(self, first_sequence: int) -> int:
        """The segment before the one that begins with this sequence. If the current one does, nothing is in
        it and its first batch does not fit; then a larger segment of the same name replaces it."""
        if self._segment is None:
            return 0
        header = self._segment.header
        return header.previous_segment if header.first_sequence == first_sequence else header.first_sequence

    def _install(self, first_sequence: int, size: int) -> _Open:
        """Turns the spare into the segment that begins with this sequence."""
        file = self._spare.take(BODY + size + SEAL_SIZE)
        path = self._folder / segment_name(first_sequence)
        try:
            header = Header(
                size=self._files.size(file),
                first_sequence=first_sequence,
                previous_sequence=self._durable,
                previous_segment=self._before(first_sequence),
                previous_time_ns=self._time_ns,
                salt=self._files.salt(),
            )
            write_all(self._files, file, [header.encode()], 0)
            self._flush(file)
            crash_point("roll.headed")
            self._files.rename(self._spare.path, path)
            crash_point("roll.renamed")
        except OSError:
            self._spare.put_back(file)
            raise
        try:
            self._files.flush_folder(self._folder)
        except OSError as error:
            self._failed = True
            text = "the journal's folder could not be flushed"
            raise Fault(text, path=self._folder, error=error) from error
        crash_point("roll.installed")
        return _Open(file, path, header, header.seed)
