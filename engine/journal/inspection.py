"""Inspection of a journal: `dump` lists it and `verify` says whether it is sound, both for the command line;
`last_sequence` says how far it goes.

Neither changes anything. While a node writes, the batch that it is writing may look torn.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.base.errors import Fault
from engine.base.files import Files, OsFiles
from engine.journal.frame import SEAL_SIZE
from engine.journal.scan import scan_journal, walk
from engine.journal.verdict import Verdict, judge
from engine.journal.walk import Problem


@dataclass(frozen=True, slots=True)
class Report:
    """The result of `verify`. `problem`: the first one, or None. `row`, `verdict`: what a start would do."""

    segments: int
    frames: int
    commands: int
    first_sequence: int  # of the first segment; 0 if there is none
    removed: int  # commands before it, removed because they were no longer needed
    leftovers: int  # segments of those that are still there, because the removal was interrupted
    last_sequence: int  # J
    bytes_used: int
    bytes_on_disk: int
    row: str
    verdict: str
    problem: Problem | None
    set_aside: tuple[Path, ...]  # torn bytes that earlier starts kept
    sound: bool  # no problem; a start needs to cut nothing

    @property
    def refused(self) -> bool:
        """True if a start refuses it; a torn end is cut."""
        return self.verdict.endswith(Verdict.REFUSE.value)

    def __str__(self) -> str:
        text = (
            f"{self.segments} segments, {self.frames} batches, {self.commands} commands, "
            f"sequences {self.first_sequence} to {self.last_sequence}, "
            f"{self.bytes_used} of {self.bytes_on_disk} bytes used: {self.verdict} (row {self.row})"
        )
        if self.removed:
            text += f"; the first {self.removed} commands were removed on purpose"
        if self.leftovers:
            text += f", {self.leftovers} segments of them are still to go"
        if self.problem:
            p = self.problem
            text += f"; first problem: {p.text} (path={p.path}, offset={p.offset}, sequence={p.sequence})"
        return text


def verify(folder: Path, witness: int = 0, files: Files | None = None) -> Report:
    """Reads every byte of the journal and judges it as a start would. `witness`: W, if it is known."""
    files = files or OsFiles()
    try:
        scan = scan_journal(folder, files)
        aside = tuple(folder / name for name in files.names(folder) if ".torn-" in name)
    except OSError as error:
        raise Fault("the journal could not be read", path=folder, error=error) from error
    row, verdict = judge(scan.tail, scan.last_sequence, witness)
    segments = scan.segments
    return Report(
        segments=len(segments),
        frames=sum(segment.frames or 0 for segment in segments),
        commands=sum(s.next_sequence - s.header.first_sequence for s in segments if s.frames),
        first_sequence=segments[0].header.first_sequence if segments else 0,
        removed=max(0, scan.beginning.first_sequence - 1),
        leftovers=scan.leftovers,
        last_sequence=scan.last_sequence,
        bytes_used=sum(segment.end for segment in segments),
        bytes_on_disk=sum(segment.file_size for segment in segments),
        row=row.letter,
        verdict=f"{row.meaning}: {verdict.value}",
        problem=scan.problem,
        set_aside=aside,
        sound=verdict is Verdict.GO and scan.problem is None,
    )


def last_sequence(folder: Path, files: Files | None = None) -> int:
    """The last sequence that a journal holds, sound or not; 0 if there is none. No writer may be at work."""
    try:
        return scan_journal(folder, files or OsFiles(), deep=1).last_sequence
    except OSError as error:
        raise Fault("the journal could not be read", path=folder, error=error) from error


def dump(folder: Path, after_sequence: int = 0, files: Files | None = None) -> Iterator[dict[str, object]]:
    """One dictionary per segment, batch and seal, in order; then, if there is one, the problem that ends it.

    `kind` is "beginning" (of a journal that was pruned), "segment", "batch", "seal" or "problem". Values are
    JSON-able. The commands in a batch are read with `read`, and `engine.wire.sections.decode_payload`.
    """
    files = files or OsFiles()
    try:
        scan = scan_journal(folder, files)
        if scan.beginning.first_sequence:
            yield {"kind": "beginning", **asdict(scan.beginning)}
        for number, segment in enumerate(scan.segments):
            following = scan.segments[number + 1 : number + 2]
            if following and following[0].header.first_sequence <= after_sequence:
                continue
            yield {"kind": "segment", "path": str(segment.path), **asdict(segment.header)}
            for frame in walk(files, segment):
                if frame.last_sequence > after_sequence:
                    yield {
                        "kind": "batch",
                        "path": str(frame.path),
                        "offset": frame.offset,
                        "first_sequence": frame.first_sequence,
                        "last_sequence": frame.last_sequence,
                        "previous_sequence": frame.previous_sequence,
                        "count": frame.count,
                        "time_ns": frame.time_ns,
                        "length": len(frame.payload),
                    }
            if segment.sealed:
                yield {"kind": "seal", "path": str(segment.path), "offset": segment.end - SEAL_SIZE}
    except OSError as error:
        raise Fault("the journal could not be read", path=folder, error=error) from error
    if scan.problem:
        yield {
            "kind": "problem",
            "text": scan.problem.text,
            "path": str(scan.problem.path),
            "offset": scan.problem.offset,
            "sequence": scan.problem.sequence,
        }
