"""Writing a snapshot, so that a file of its name is a whole one, whatever comes between.

1  the file is written under another name, piece by piece, and flushed
2  it is renamed
3  the folder is flushed: only now it may be counted on
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from engine.base.crash import crash_point
from engine.base.files import Files, write_all
from engine.model.aggregates import Aggregate
from engine.snapshots.format import CHUNK, Head, class_name, encode_chunk, encode_head
from engine.snapshots.shelf import TMP, Place, Shelf

PIECE = 1 << 20  # flushed one by one: an append to the journal waits behind one piece, not behind the file


def write(
    shelf: Shelf, head: Head, aggregates: Mapping[str, Aggregate], beat: Callable[[], object] = lambda: None
) -> Place:
    """Writes the snapshot that `head` describes; what it says about classes and chunks is filled in here.

    `beat` is called every now and then. OSError: nothing is there under the final name. Whatever
    `save_state` or `pickle` raise goes through.
    """
    files, tmp = shelf.files, shelf.folder / TMP
    everyone = [aggregates[name] for name in sorted(aggregates)]
    kinds = {cls: number for number, cls in enumerate(dict.fromkeys(type(one) for one in everyone))}
    chunks = -(-len(everyone) // CHUNK)
    head = msgspec.structs.replace(
        head, classes=[class_name(cls) for cls in kinds], aggregates=len(everyone), chunks=chunks
    )
    shelf.make()
    file = files.create(tmp)
    try:
        start, key = encode_head(head)
        offset = _append(files, file, [start], 0, beat)
        crash_point("snapshot.begun")
        for number, some in enumerate(_parted(everyone)):
            offset = _append(files, file, encode_chunk(number, key, kinds, some, beat), offset, beat)
            crash_point("snapshot.chunk")
        files.flush_all(file)
    finally:
        files.close(file)
    crash_point("snapshot.flushed")
    place = shelf.place(head.position, head.sequence)
    files.rename(tmp, place.path)
    crash_point("snapshot.renamed")
    files.flush_folder(shelf.folder)
    crash_point("snapshot.durable")
    return place


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


def _parted(everyone: Sequence[Aggregate]) -> Iterator[Sequence[Aggregate]]:
    for start in range(0, len(everyone), CHUNK):
        yield everyone[start : start + CHUNK]
