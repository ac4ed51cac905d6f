"""What the tests of the journal's recovery share: small batches, and what must hold of a journal."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.base.files import Files
from engine.journal import Recovered, Writer, read, recover
from engine.journal.segment import MIN_SEGMENT_BYTES

FOLDER = Path("journal")
SMALL = MIN_SEGMENT_BYTES
T0 = 1_790_000_000_000_000_000

Batch = tuple[int, int, bytes]  # first sequence, count, payload


def batch(first: int, size: int = 150, tag: str = "") -> Batch:
    """A batch of 1 to 3 commands whose payload depends on its sequence and the tag alone."""
    text = f"{tag}{first}:".encode()
    return first, 1 + first % 3, (text * (size // len(text) + 1))[: size + first % 8]


def batches(number: int, first: int = 1, size: int = 150, tag: str = "") -> list[Batch]:
    """That many, each after the one before."""
    found: list[Batch] = []
    for _ in range(number):
        found.append(batch(first, size, tag))
        first += found[-1][1]
    return found


def last(found: Sequence[Batch]) -> int:
    """The last sequence of the batches."""
    return found[-1][0] + found[-1][1] - 1 if found else 0


def append(writer: Writer, found: Iterable[Batch]) -> None:
    """Appends the batches."""
    for first, count, payload in found:
        writer.append(payload, first, count, T0 + first)


def contents(files: Files | None, upto: int | None = None, folder: Path = FOLDER) -> list[Batch]:
    """The batches of a journal."""
    return [(f.first_sequence, f.count, f.payload) for f in read(folder, 0, upto, files)]


def open_writer(files: Files, recovered: Recovered | None = None, size: int = SMALL) -> Writer:
    """A writer whose every step happens in order, in this thread."""
    return Writer(FOLDER, recovered or recover(FOLDER, files=files), size, files, background=False)
