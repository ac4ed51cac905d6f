"""Pruning: segments whose commands are no longer needed leave the journal, whole and oldest first.

A command is needed until its outcome is durable in the event store and contained in the older of two
snapshots of its partition. The order of the steps is such that a crash between any two of them leaves a
journal that a start accepts and that the next pruning continues:

    1  the event stores are flushed, since what was committed may not be durable to its last page
    2  the note of where the journal begins is replaced (`beginning`)
    3  each segment before that is moved to the archive, durably, or removed
"""

import errno
from collections.abc import Sequence
from pathlib import Path

from engine.base.crash import crash_point
from engine.base.durable import replacing
from engine.base.errors import CorruptData
from engine.base.files import Files, OsFiles, write_all
from engine.journal.beginning import Beginning, read_beginning, write_beginning
from engine.journal.segment import named_sequence, segment_names

PIECE = 1 << 20
ARCHIVE_TMP = "arriving.tmp"


def prune(
    folder: Path,
    upto: int,
    stored: Sequence[int],
    *,
    archive: Path | None = None,
    stores: Sequence[Path] = (),
    files: Files | None = None,
) -> list[Path]:
    """Removes the segments that hold no command after `upto`, except the newest one; returns them.

    `stored`: for each partition, the sequence up to which its event store has everything. It is noted, so
    that a start with an older copy of the store is refused. `stores`: the files to flush first. `archive`:
    the folder to move segments to; None: they are removed. The writer may be at work meanwhile. OSError: try
    again later.
    """
    files = files or OsFiles()
    beginning = read_beginning(files, folder)
    if isinstance(beginning, str):
        raise CorruptData(beginning, path=folder)
    names = segment_names(files, folder)
    starts = [named_sequence(name) or 0 for name in names]
    # Everything before the newest segment that begins at or below upto + 1 is at or below upto.
    first = max((start for start in starts if start <= upto + 1), default=0)
    if first > max(beginning.first_sequence, *starts[:1]):
        for path in stores:
            _flush(files, path)
        crash_point("prune.flushed")
        beginning = Beginning(first, tuple(stored))
        write_beginning(files, folder, beginning)
        crash_point("prune.noted")
    gone = [name for name, start in zip(names, starts, strict=True) if start < beginning.first_sequence]
    for name in gone:
        if archive is None:
            files.remove(folder / name)
        else:
            _move(files, folder / name, archive)
        crash_point("prune.removed")
    if gone:
        files.flush_folder(folder)
    return [folder / name for name in gone]


def _flush(files: Files, path: Path) -> None:
    file = files.open(path)
    try:
        files.flush_all(file)
    finally:
        files.close(file)


def _move(files: Files, path: Path, archive: Path) -> None:
    """Moves a segment by renaming it if possible, otherwise by copying it. It is removed here only once it is
    durable there."""
    files.make_folder(archive)
    try:
        files.rename(path, archive / path.name)
        files.flush_folder(archive)
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    old = files.open(path)
    try:
        with replacing(archive / path.name, files, beside=ARCHIVE_TMP) as new:
            for offset in range(0, files.size(old), PIECE):
                write_all(files, new, [files.read(old, PIECE, offset)], offset)
    finally:
        files.close(old)
    files.remove(path)
