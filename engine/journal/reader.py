"""The reader of batches, for any process, even while the writer appends."""

from collections.abc import Iterator
from pathlib import Path

from engine.base.errors import CorruptData, Fault
from engine.base.files import Files, OsFiles
from engine.journal.beginning import read_beginning
from engine.journal.frame import Frame
from engine.journal.segment import BODY, Header, decode_header, named_sequence, segment_names
from engine.journal.walk import Problem, Walk


def read(
    folder: Path, after_sequence: int = 0, upto: int | None = None, files: Files | None = None
) -> Iterator[Frame]:
    """The batches that hold commands after_sequence + 1 … upto, in order, each checked.

    The first and the last batch may reach beyond these bounds. `upto` must be durable; then the writer may be
    at work. Without it everything is read, and no writer may be at work. In a pruned journal the batches may
    begin later than asked for, since what was removed is no longer needed (`engine.journal.pruning`).
    CorruptData: what is stored is not what was written, or the journal does not hold the whole range.
    """
    if upto is not None and upto <= after_sequence:
        return
    files = files or OsFiles()
    try:
        beginning = read_beginning(files, folder)
        if isinstance(beginning, str):
            raise CorruptData(beginning, path=folder)
        begins = beginning.first_sequence
        after_sequence = max(after_sequence, begins - 1)
        if upto is not None and upto <= after_sequence:
            return
        starts = [(named_sequence(name) or 0, folder / name) for name in segment_names(files, folder)]
        starts = [(start, path) for start, path in starts if start >= begins]
        first = max((k for k, (start, _) in enumerate(starts) if start <= after_sequence + 1), default=0)
        reached = after_sequence
        for number, (_, path) in enumerate(starts[first:]):
            file = files.open(path)
            try:
                header = _header(files, file, path)
                if number and header.previous_sequence != reached:
                    raise _corrupt(Problem("batches before this segment are missing", path, 0, reached + 1))
                if not number and header.previous_segment and header.first_sequence > after_sequence + 1:
                    raise _corrupt(Problem("the journal begins too late", path, 0, after_sequence + 1))
                walk = Walk(files, file, path, header)
                for frame in walk:
                    if frame.last_sequence > after_sequence:
                        yield frame
                    if upto is not None and frame.last_sequence >= upto:
                        return
                if walk.problem:
                    raise _corrupt(walk.problem)
                reached = walk.sequence
                if upto is not None and walk.next_sequence > upto:
                    return  # the commands up to it were lost with the operator's permission
            finally:
                files.close(file)
    except OSError as error:
        raise Fault("the journal could not be read", path=folder, error=error) from error
    if upto is not None:
        raise CorruptData("the journal ends too early", path=folder, last_sequence=reached, wanted=upto)


def _header(files: Files, file: int, path: Path) -> Header:
    header = decode_header(files.read(file, BODY, 0))
    if isinstance(header, str):
        raise _corrupt(Problem(header, path, 0, named_sequence(path.name) or 0))
    if named_sequence(path.name) != header.first_sequence:
        raise _corrupt(Problem("the file's name is not its first sequence", path, 0, header.first_sequence))
    return header


def _corrupt(problem: Problem) -> CorruptData:
    return CorruptData(problem.text, path=problem.path, offset=problem.offset, sequence=problem.sequence)
