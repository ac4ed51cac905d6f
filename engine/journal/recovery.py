"""Recovery: from what a crash left to a journal that can be appended to, or a refusal that says why.

What is read must be what the disk has. What a killed process had written but not flushed is still in the page
cache and would be read as if it were durable, and after a failed flush the cache holds pages that are not on
the disk. So the newest segments are flushed first, and their cached pages are dropped.

Every change is safe to repeat, because recovery itself may be interrupted anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.base.durable import replacing
from engine.base.errors import CorruptData, Fault, NoSpace
from engine.base.files import FULL, Files, OsFiles, write_all
from engine.journal import frame
from engine.journal.beginning import BESIDE as BEGINNING_TMP
from engine.journal.beginning import Beginning
from engine.journal.scan import Scan, Segment, scan_journal
from engine.journal.segment import Header, segment_names
from engine.journal.spare import NAME as SPARE_TMP
from engine.journal.verdict import Row, Verdict, judge
from engine.journal.walk import CHUNK, ZEROS, end_of_data

SUSPECTS = 2  # segments that may hold unflushed bytes: the last, and the one before it while it is sealed
DEEP = 16  # segments of which a start reads every frame, in a second or so; `verify` reads all
ASIDE_TMP = "aside.tmp"


@dataclass(frozen=True, slots=True)
class Recovered:
    """A journal that is ready for a writer. Times are ns since 1970, 0 if the journal is empty."""

    last_sequence: int  # the next command gets this + 1
    last_time_ns: int
    row: str  # letter of the row in `verdict`
    meaning: str
    torn: Path | None = None  # where the torn bytes are kept
    torn_at: tuple[Path, int, int] | None = None  # segment, offset and number of the torn bytes
    journal_sequence: int = 0  # the last command in the journal; less than last_sequence if some are lost
    next_sequence: int = 1  # the next one according to the newest segment
    path: Path | None = None  # the newest segment, and where in it the next frame goes
    header: Header | None = None
    offset: int = 0
    sealed: bool = False

    def __str__(self) -> str:
        text = f"{self.meaning}; last sequence {self.last_sequence} (row {self.row})"
        if self.torn_at:
            path, offset, size = self.torn_at
            text += f"; cut {size} bytes off {path} at {offset}, kept in {self.torn}"
        return text


def recover(
    folder: Path,
    witness: int = 0,
    allow_lost: bool = False,
    files: Files | None = None,
    deep: int | None = DEEP,
    stored: Sequence[int] = (),
) -> Recovered:
    """Makes the journal ready for a Writer. `witness`: W, the last sequence in the event store. `stored`: the
    same for each partition, to refuse event stores that need commands which were removed from the journal.

    CorruptData: refused by the table in `verdict`, and no segment was changed. `allow_lost`: the operator
    accepts that commands are lost. Fault, NoSpace: the disk failed or is full.
    """
    files = files or OsFiles()
    try:
        files.make_folder(folder)
        _settle(folder, files)
        scan = scan_journal(folder, files, deep)
        row, verdict = judge(scan.tail, scan.last_sequence, witness, allow_lost)
        if verdict is Verdict.REFUSE:
            raise refusal(folder, scan, row, witness)
        _check_stored(folder, scan.beginning, stored)
        torn = None
        if scan.torn is not None:
            torn = _cut(folder, files, scan.torn)
        if scan.unsealed is not None:
            _seal(files, scan.unsealed, scan.segments[-1].header)
    except OSError as error:
        if error.errno in FULL:
            raise NoSpace("the journal's disk is full", path=folder, error=error) from error
        raise Fault("the journal could not be recovered", path=folder, error=error) from error
    return _recovered(scan, row, witness, torn)


def refusal(folder: Path, scan: Scan, row: Row, witness: int) -> CorruptData:
    """The row's verdict as one line that names the place."""
    hint = "allow lost commands to go on without them" if row.allowed else "restore the file from a copy"
    problem = scan.problem
    if problem is None or (row.store_ahead and row.letter == "d"):
        last = scan.segments[-1] if scan.segments else None
        path, offset = (last.path, last.end) if last else (folder, 0)
        last_sequence = scan.last_sequence
        return CorruptData(
            row.meaning,
            hint=hint,
            path=path,
            offset=offset,
            sequence=last_sequence + 1,
            last_sequence=last_sequence,
            stored_sequence=witness,
            row=row.letter,
        )
    return CorruptData(
        f"{row.meaning}: {problem.text}",
        hint=hint,
        path=problem.path,
        offset=problem.offset,
        sequence=problem.sequence,
        row=row.letter,
    )


def _check_stored(folder: Path, beginning: Beginning, stored: Sequence[int]) -> None:
    """Refuses an event store that lacks commands which were removed; it is an older copy, or another
    store."""
    for partition, (have, needed) in enumerate(zip(stored, beginning.stored, strict=False)):
        if have < needed:
            raise CorruptData(
                "the event store lacks commands that the journal no longer has",
                hint="restore a newer copy of the store, or put archived segments back and remove `begins`",
                path=folder,
                partition=partition,
                stored_sequence=have,
                needed_sequence=needed,
                journal_begins=beginning.first_sequence,
            )


def _settle(folder: Path, files: Files) -> None:
    """Flushes what will be read, and removes what an interrupted step left."""
    names = files.names(folder)
    for name in names:
        if name in (ASIDE_TMP, SPARE_TMP, BEGINNING_TMP):
            files.remove(folder / name)
    for name in segment_names(files, folder)[-SUSPECTS:]:
        file = files.open(folder / name)
        try:
            files.flush_all(file)
            files.forget_cache(file)
        finally:
            files.close(file)
    if names:
        files.flush_folder(folder)


def _cut(folder: Path, files: Files, segment: Segment) -> tuple[Path | None, int]:
    """Copies the torn bytes to a file of their own, then zeroes them and restores the size of the segment."""
    file = files.open(segment.path, write=True)
    try:
        end = end_of_data(files, file, segment.end)
        aside = None
        if end > segment.end:
            aside = _keep(folder, files, file, segment, end)
            for offset in range(segment.end, end, CHUNK):
                write_all(files, file, [memoryview(ZEROS)[: min(CHUNK, end - offset)]], offset)
        if max(files.size(file), segment.file_size) != segment.header.size or end > segment.header.size:
            files.resize(file, segment.header.size)
        files.flush_all(file)
    finally:
        files.close(file)
    return aside, end - segment.end


def _keep(folder: Path, files: Files, file: int, segment: Segment, end: int) -> Path:
    taken = set(files.names(folder))
    number = 1
    while (name := f"{segment.path.name}.torn-{segment.end}-{number}") in taken:
        number += 1
    with replacing(folder / name, files, beside=ASIDE_TMP) as aside:
        for offset in range(segment.end, end, CHUNK):
            piece = files.read(file, min(CHUNK, end - offset), offset)
            write_all(files, aside, [piece], offset - segment.end)
    return folder / name


def _seal(files: Files, segment: Segment, following: Header) -> None:
    """Finishes a rotation that a crash interrupted."""
    file = files.open(segment.path, write=True)
    try:
        parts = frame.encode_seal(
            segment.header.seed, following.first_sequence, segment.sequence, segment.time_ns
        )
        write_all(files, file, parts, segment.end)
        files.flush_all(file)
    finally:
        files.close(file)


def _recovered(scan: Scan, row: Row, witness: int, torn: tuple[Path | None, int] | None) -> Recovered:
    if not scan.segments:
        return Recovered(witness, 0, row.letter, row.meaning)
    last = scan.segments[-1]
    return Recovered(
        last_sequence=max(scan.last_sequence, witness),
        last_time_ns=last.time_ns,
        row=row.letter,
        meaning=row.meaning,
        torn=torn[0] if torn else None,
        torn_at=(scan.torn.path, scan.torn.end, torn[1]) if torn and scan.torn else None,
        journal_sequence=last.sequence,
        next_sequence=last.next_sequence,
        path=last.path,
        header=last.header,
        offset=last.end,
        sealed=last.sealed,
    )
