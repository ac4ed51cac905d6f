"""Writing a snapshot so that a file with a snapshot's name is always whole, whatever interrupts it."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from engine.base.crash import crash_point
from engine.base.durable import replacing
from engine.base.files import Files, write_all
from engine.model.aggregates import Aggregate
from engine.snapshots.folder import TMP, SnapshotFile, SnapshotFolder
from engine.snapshots.format import CHUNK, SnapshotHeader, class_name, encode_chunk, encode_header

PIECE = 1 << 20  # flushed one by one: an append to the journal then waits for one piece, not for the file


def write(
    folder: SnapshotFolder,
    header: SnapshotHeader,
    aggregates: Mapping[str, Aggregate],
    beat: Callable[[], object] = lambda: None,
) -> SnapshotFile:
    """Writes the snapshot that `header` describes, and fills in what the header says of classes and chunks.

    `beat` is called every now and then. OSError: no file has the final name. What `save_state` and `pickle`
    raise is passed on.
    """
    files = folder.files
    ordered = [aggregates[name] for name in sorted(aggregates)]
    kinds = {cls: number for number, cls in enumerate(dict.fromkeys(type(one) for one in ordered))}
    chunks = -(-len(ordered) // CHUNK)
    header = msgspec.structs.replace(
        header, classes=[class_name(cls) for cls in kinds], aggregates=len(ordered), chunks=chunks
    )
    folder.make()
    snapshot = folder.file_at(header.position, header.sequence)
    with replacing(snapshot.path, files, beside=TMP) as file:
        start, key = encode_header(header)
        offset = _append(files, file, [start], 0, beat)
        crash_point("snapshot.begun")
        for number, some in enumerate(_parted(ordered)):
            offset = _append(files, file, encode_chunk(number, key, kinds, some, beat), offset, beat)
            crash_point("snapshot.chunk")
    crash_point("snapshot.durable")
    return snapshot


def _append(files: Files, file: int, parts: Sequence[bytes], offset: int, beat: Callable[[], object]) -> int:
    for part in parts:
        view = memoryview(part)
        for at in range(0, len(view), PIECE):
            piece = view[at : at + PIECE]
            write_all(files, file, [piece], offset)
            offset += len(piece)
            if len(piece) == PIECE:
                files.flush(file)
            beat()
    return offset


def _parted(ordered: Sequence[Aggregate]) -> Iterator[Sequence[Aggregate]]:
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]
