"""The scan of a whole journal, which changes nothing: its segments, its end, and what is wrong with it.

Recovery, `verify` and `dump` use the same scan, so what the command line calls sound is what a start accepts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from engine.base.files import Files
from engine.journal.beginning import NAME as BEGINNING
from engine.journal.beginning import WHOLE, Beginning, read_beginning
from engine.journal.frame import ALIGNMENT, Frame
from engine.journal.segment import BODY, Header, decode_header, named_sequence, segment_names
from engine.journal.verdict import Tail
from engine.journal.walk import Problem, Walk, end_of_data, valid_frame_after


@dataclass(slots=True)
class Segment:
    """A segment and the result of the walk through it. `frames`: None if it has not been walked."""

    path: Path
    header: Header
    file_size: int
    frames: int | None = None
    sequence: int = 0  # last one in it, or before it if it is empty
    time_ns: int = 0
    end: int = BODY  # offset after the last good frame
    sealed: bool = False
    problem: Problem | None = None

    @property
    def next_sequence(self) -> int:
        """The first sequence after those in the segment."""
        return self.sequence + 1 if self.frames else self.header.first_sequence


@dataclass(slots=True)
class Scan:
    """The segments in order, and how the journal ends."""

    segments: list[Segment] = field(default_factory=list)
    tail: Tail = Tail.CLEAN
    problem: Problem | None = None
    torn: Segment | None = None  # the segment whose bytes from `end` on must be set aside and cut
    unsealed: Segment | None = None  # not sealed, because a power cut came after making its successor
    beginning: Beginning = WHOLE
    leftovers: int = 0  # segments before the beginning, whose removal was interrupted

    @property
    def last_sequence(self) -> int:
        """J: the last sequence that the journal holds."""
        return self.segments[-1].next_sequence - 1 if self.segments else 0


def scan_journal(folder: Path, files: Files, deep: int | None = None) -> Scan:
    """Reads all headers, and the frames of the last `deep` segments (None: of all)."""
    scan = Scan()
    problem = (
        _read_beginning(folder, files, scan)
        or _read_headers(folder, files, scan)
        or _check_chain(folder, scan.segments, scan.beginning)
    )
    if not problem:
        walked = scan.segments if deep is None else scan.segments[-deep:]
        for segment in walked:
            for _ in walk(files, segment):
                pass
        problem = _check_sealed(files, scan, walked)
    if problem:
        scan.tail, scan.problem = Tail.BROKEN, problem
    elif scan.segments and not scan.torn:
        _check_end(files, scan)
    return scan


def walk(files: Files, segment: Segment) -> Iterator[Frame]:
    """The frames of a segment; after the last one the result of the walk is noted in the segment."""
    file = files.open(segment.path)
    try:
        steps = Walk(files, file, segment.path, segment.header, segment.file_size)
        yield from steps
        segment.frames, segment.sealed, segment.end = steps.frames, steps.sealed, steps.offset
        segment.sequence, segment.time_ns = steps.sequence, steps.time_ns
        segment.problem = steps.problem
    finally:
        files.close(file)


def _read_beginning(folder: Path, files: Files, scan: Scan) -> Problem | None:
    beginning = read_beginning(files, folder)
    if isinstance(beginning, str):
        return Problem(beginning, folder / BEGINNING, 0, 0)
    scan.beginning = beginning
    return None


def _read_headers(folder: Path, files: Files, scan: Scan) -> Problem | None:
    for name in segment_names(files, folder):
        path = folder / name
        number = named_sequence(name)
        if number is not None and number < scan.beginning.first_sequence:
            scan.leftovers += 1
            continue
        file = files.open(path)
        try:
            size, header = files.size(file), decode_header(files.read(file, BODY, 0))
        finally:
            files.close(file)
        if isinstance(header, str):
            return Problem(header, path, 0, number or 0)
        if number != header.first_sequence:
            text = f"the file's name is not its first sequence {header.first_sequence}"
            return Problem(text, path, 0, number or 0)
        scan.segments.append(
            Segment(path, header, size, None, header.previous_sequence, header.previous_time_ns)
        )
    return None


def _check_chain(folder: Path, segments: list[Segment], beginning: Beginning) -> Problem | None:
    before = 0
    if beginning.first_sequence:
        if not segments or segments[0].header.first_sequence != beginning.first_sequence:
            text = f"the journal begins with sequence {beginning.first_sequence}, and that segment is gone"
            return Problem(text, folder, 0, beginning.first_sequence)
        before = segments[0].header.previous_segment
    for segment in segments:
        header = segment.header
        if header.previous_segment != before:
            text = f"before it comes segment {before}, should come {header.previous_segment}"
            return Problem(text, segment.path, 0, header.previous_segment)
        before = header.first_sequence
        if segment is not segments[-1] and segment.file_size != header.size:
            text = f"the file has {segment.file_size} bytes, it was made with {header.size}"
            return Problem(text, segment.path, min(segment.file_size, header.size), header.first_sequence)
    return None


def _check_sealed(files: Files, scan: Scan, walked: list[Segment]) -> Problem | None:
    """Checks that every walked segment but the last is whole, sealed, and ends where the next one begins."""
    for segment, following in pairwise(walked):
        ends_there = segment.sequence == following.header.previous_sequence
        if following is walked[-1] and ends_there and not segment.sealed and _is_untouched(files, following):
            # The successor is made before the seal is written, so the crash came before the seal. Nothing
            # else is missing, since the successor names the last sequence before it.
            scan.unsealed = segment
            if _end_of_data(files, segment) > segment.end:
                scan.torn, scan.tail = segment, Tail.TORN
                scan.problem = segment.problem or _leftover(segment)
            continue
        if segment.problem:
            return segment.problem
        if not ends_there:
            text = f"the next segment says that sequence {following.header.previous_sequence} came before it"
            return Problem(text, segment.path, segment.end, segment.next_sequence, order=True)
        if not segment.sealed:
            return Problem("the seal is missing", segment.path, segment.end, segment.next_sequence)
    return None


def _check_end(files: Files, scan: Scan) -> None:
    last = scan.segments[-1]
    if last.problem and last.problem.order:
        scan.tail, scan.problem = Tail.BROKEN, last.problem
        return
    if last.file_size < last.header.size:
        text = f"the last segment has {last.file_size} bytes, it was made with {last.header.size}"
        scan.problem = Problem(text, last.path, last.file_size, last.next_sequence)
        scan.tail, scan.torn = Tail.LOST, last
    elif last.sealed:
        text = "the segment that should follow is gone"
        scan.problem = Problem(text, last.path, last.end, last.next_sequence)
        scan.tail = Tail.LOST
    elif last.problem or last.file_size > last.header.size or _end_of_data(files, last) > last.end:
        scan.tail, scan.torn = Tail.TORN, last
        scan.problem = last.problem or _leftover(last)
    after = _valid_after(files, last) if scan.torn else None
    if scan.problem and after is not None:
        scan.tail, scan.torn = Tail.CORRUPT, None
        text = f"{scan.problem.text}, and a whole one follows at {after}"
        scan.problem = replace(scan.problem, text=text)


def _leftover(segment: Segment) -> Problem:
    text = "after the last batch there are bytes that are not a frame"
    return Problem(text, segment.path, segment.end, segment.next_sequence)


def _is_untouched(files: Files, segment: Segment) -> bool:
    clean = segment.frames == 0 and not segment.sealed and segment.file_size == segment.header.size
    return clean and segment.problem is None and _end_of_data(files, segment) == segment.end


def _end_of_data(files: Files, segment: Segment) -> int:
    file = files.open(segment.path)
    try:
        return end_of_data(files, file, segment.end)
    finally:
        files.close(file)


def _valid_after(files: Files, segment: Segment) -> int | None:
    file = files.open(segment.path)
    try:
        return valid_frame_after(files, file, segment.header, segment.end + ALIGNMENT)
    finally:
        files.close(file)
