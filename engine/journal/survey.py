"""Looking at a whole journal without changing a byte: which segments there are, where it ends, what is wrong.

Recovery, `verify` and `dump` judge by the same survey, so what the command line calls sound is what a
start accepts.
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
from engine.journal.walk import Problem, Walk, end_of_data, valid_frame_behind


@dataclass(slots=True)
class Segment:
    """A segment and what the walk through it found. Not walked: `frames` is None."""

    path: Path
    header: Header
    file_size: int
    frames: int | None = None
    sequence: int = 0  # last one in it, or before it if it is empty
    time_ns: int = 0
    end: int = BODY  # offset behind the last good frame
    sealed: bool = False
    problem: Problem | None = None

    @property
    def next_sequence(self) -> int:
        """The first sequence that comes behind what the segment holds."""
        return self.sequence + 1 if self.frames else self.header.first_sequence


@dataclass(slots=True)
class Survey:
    """The segments in order, and the state of the tail."""

    segments: list[Segment] = field(default_factory=list)
    tail: Tail = Tail.CLEAN
    problem: Problem | None = None
    torn: Segment | None = None  # whose bytes from `end` on are to be set aside and cut
    unsealed: Segment | None = None  # a power cut came between making the last segment and sealing this one
    beginning: Beginning = WHOLE
    leftovers: int = 0  # segments before the beginning, whose removal was interrupted

    @property
    def last_sequence(self) -> int:
        """J: the last sequence that the journal holds."""
        return self.segments[-1].next_sequence - 1 if self.segments else 0


def survey(folder: Path, files: Files, deep: int | None = None) -> Survey:
    """Reads all headers, and the frames of the last `deep` segments (all: None)."""
    found = Survey()
    problem = (
        _read_beginning(folder, files, found)
        or _read_headers(folder, files, found)
        or _check_chain(folder, found.segments, found.beginning)
    )
    if not problem:
        walked = found.segments if deep is None else found.segments[-deep:]
        for segment in walked:
            for _ in walk(files, segment):
                pass
        problem = _check_sealed(files, found, walked)
    if problem:
        found.tail, found.problem = Tail.BROKEN, problem
    elif found.segments and not found.torn:
        _look_at_end(files, found)
    return found


def walk(files: Files, segment: Segment) -> Iterator[Frame]:
    """The frames of a segment; at their end, what was found is noted in the segment."""
    file = files.open(segment.path)
    try:
        steps = Walk(files, file, segment.path, segment.header, segment.file_size)
        yield from steps
        segment.frames, segment.sealed, segment.end = steps.frames, steps.sealed, steps.offset
        segment.sequence, segment.time_ns = steps.sequence, steps.time_ns
        segment.problem = steps.problem
    finally:
        files.close(file)


def _read_beginning(folder: Path, files: Files, found: Survey) -> Problem | None:
    beginning = read_beginning(files, folder)
    if isinstance(beginning, str):
        return Problem(beginning, folder / BEGINNING, 0, 0)
    found.beginning = beginning
    return None


def _read_headers(folder: Path, files: Files, found: Survey) -> Problem | None:
    for name in segment_names(files, folder):
        path = folder / name
        number = named_sequence(name)
        if number is not None and number < found.beginning.first_sequence:
            found.leftovers += 1
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
        found.segments.append(
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


def _check_sealed(files: Files, found: Survey, walked: list[Segment]) -> Problem | None:
    """Every walked segment but the last must be whole, sealed, and end where the next one begins."""
    for segment, following in pairwise(walked):
        ends_there = segment.sequence == following.header.previous_sequence
        if following is walked[-1] and ends_there and not segment.sealed and _is_untouched(files, following):
            # The successor is made before the seal is written: the seal is what a crash interrupted.
            # Nothing else is missing, since the successor names the last sequence before it.
            found.unsealed = segment
            if _data_behind(files, segment) > segment.end:
                found.torn, found.tail = segment, Tail.TORN
                found.problem = segment.problem or _leftover(segment)
            continue
        if segment.problem:
            return segment.problem
        if not ends_there:
            text = f"the next segment says that sequence {following.header.previous_sequence} came before it"
            return Problem(text, segment.path, segment.end, segment.next_sequence, order=True)
        if not segment.sealed:
            return Problem("the seal is missing", segment.path, segment.end, segment.next_sequence)
    return None


def _look_at_end(files: Files, found: Survey) -> None:
    last = found.segments[-1]
    if last.problem and last.problem.order:
        found.tail, found.problem = Tail.BROKEN, last.problem
        return
    if last.file_size < last.header.size:
        text = f"the last segment has {last.file_size} bytes, it was made with {last.header.size}"
        found.problem = Problem(text, last.path, last.file_size, last.next_sequence)
        found.tail, found.torn = Tail.LOST, last
    elif last.sealed:
        text = "the segment that should follow is gone"
        found.problem = Problem(text, last.path, last.end, last.next_sequence)
        found.tail = Tail.LOST
    elif last.problem or last.file_size > last.header.size or _data_behind(files, last) > last.end:
        found.tail, found.torn = Tail.TORN, last
        found.problem = last.problem or _leftover(last)
    behind = _valid_behind(files, last) if found.torn else None
    if found.problem and behind is not None:
        found.tail, found.torn = Tail.CORRUPT, None
        text = f"{found.problem.text}, and a whole one is behind it at {behind}"
        found.problem = replace(found.problem, text=text)


def _leftover(segment: Segment) -> Problem:
    text = "there are bytes behind the last batch that are no frame"
    return Problem(text, segment.path, segment.end, segment.next_sequence)


def _is_untouched(files: Files, segment: Segment) -> bool:
    clean = segment.frames == 0 and not segment.sealed and segment.file_size == segment.header.size
    return clean and segment.problem is None and _data_behind(files, segment) == segment.end


def _data_behind(files: Files, segment: Segment) -> int:
    file = files.open(segment.path)
    try:
        return end_of_data(files, file, segment.end)
    finally:
        files.close(file)


def _valid_behind(files: Files, segment: Segment) -> int | None:
    file = files.open(segment.path)
    try:
        return valid_frame_behind(files, file, segment.header, segment.end + ALIGNMENT)
    finally:
        files.close(file)
