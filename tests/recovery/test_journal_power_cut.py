"""The power is cut after every single step of the journal; whatever that leaves must be recovered from."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.errors import CorruptData
from engine.journal import Recovered, recover
from tests.recovery.disk import Disk, Image, Snapshot
from tests.recovery.journal import FOLDER, Batch, append, batches, contents, last, open_writer

SEED = 12306


def record(sizes: tuple[int, ...], disk: Disk | None = None) -> tuple[list[Snapshot], list[Batch]]:
    """Appends one batch of each size, over several segments; returns every state on the way."""
    disk = disk or Disk()
    disk.snapshots = [Snapshot.of(disk)]
    writer = open_writer(disk)
    written: list[Batch] = []
    for size in sizes:
        written += batches(1, last(written) + 1, size)
        append(writer, written[-1:])
        disk.note = last(written)
    writer.close()
    return disk.snapshots, written


def states(snapshots: list[Snapshot], subsets: int) -> Iterator[tuple[int, Image]]:
    """Each different state that a power cut may leave, with the last sequence that was acknowledged."""
    chance = random.Random(SEED)
    seen: set[tuple[int, int]] = set()
    for snapshot in snapshots:
        for image in snapshot.images(chance, subsets):
            key = (snapshot.note, hash(tuple(sorted(image.items()))))
            if key not in seen:
                seen.add(key)
                yield snapshot.note, image


def check(image: Image, acknowledged: int, written: list[Batch]) -> tuple[Disk, Recovered]:
    """Recovers; nothing acknowledged may be missing, and nothing may be there that was not written."""
    disk = Disk(image, seed=1)
    disk.snapshots = []  # the steps of the recovery itself
    recovered = recover(FOLDER, witness=acknowledged, files=disk)
    assert recovered.row in ("a", "b")
    assert recovered.last_sequence >= acknowledged
    kept = [b for b in written if b[0] <= recovered.last_sequence]
    assert contents(disk, recovered.last_sequence) == kept
    assert last(kept) == recovered.last_sequence
    if kept:
        assert recovered.last_time_ns >= kept[-1][0] + kept[-1][1] - 1
    return disk, recovered


def go_on(disk: Disk, recovered: Recovered, kept: list[Batch], chance: random.Random) -> None:
    """Appends, cuts the power again during the next batch, recovers once more and compares."""
    more = batches(3, recovered.last_sequence + 1, chance.choice((40, 150, 700, 3000)), tag="again")
    writer = open_writer(disk, recovered)
    append(writer, more[:2])
    disk.snapshots = []
    append(writer, more[2:])
    snapshot = chance.choice(disk.snapshots)
    disk.snapshots = None
    writer.close()
    image = chance.choice(list(snapshot.images(chance, 1)))
    check(image, last(more[:2]), kept + more)


SIZES = {
    "small batches over four segments": (60, 100, 150, 200, 300, 40, 250, 150, 600, 90, 500, 10, 0, 800),
    "batches as large as a segment": (900, 950, 968, 975, 976, 20, 977),
    "batches larger than a segment": (100, 5000, 100, 3000, 1200, 20, 9000, 20),
    "the first one larger than a segment": (5000, 20, 3000, 900, 970, 20),
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("subsets", [25, pytest.param(100, marks=pytest.mark.smoke)])
def test_no_power_cut_loses_what_was_acknowledged_or_stops_the_journal(
    sizes: tuple[int, ...], subsets: int
) -> None:
    snapshots, written = record(sizes)
    chance = random.Random(SEED)
    met: Counter[str] = Counter()
    for acknowledged, image in states(snapshots, subsets):
        disk, recovered = check(image, acknowledged, written)
        go_on(disk, recovered, [b for b in written if b[0] <= recovered.last_sequence], chance)
        met["states"] += 1
        met[f"row {recovered.row}"] += 1
        met["batch kept that was not acknowledged"] += recovered.last_sequence > acknowledged
        if recovered.torn_at:
            met["torn seal"] += recovered.torn_at[0] != recovered.path
    assert met["states"] > 4 * subsets
    for rare in ("row a", "row b", "torn seal", "batch kept that was not acknowledged"):
        assert met[rare] > 10, met


def test_a_power_cut_during_recovery_is_recovered_from() -> None:
    snapshots, written = record((150, 300, 400, 200, 600, 100, 2500, 3000, 2000, 50))
    number = 0
    for acknowledged, image in states(snapshots, subsets=12):
        disk, _ = check(image, acknowledged, written)
        for _, second in states(disk.snapshots or [], subsets=4):
            number += 1
            check(second, acknowledged, written)
    assert number > 1500


def test_torn_bytes_are_kept_aside_before_they_are_cut() -> None:
    snapshots, written = record((150, 600, 400, 3000, 20))
    torn = 0
    for acknowledged, image in states(snapshots, subsets=20):
        disk, recovered = check(image, acknowledged, written)
        if recovered.row == "b":
            torn += 1
            assert recovered.torn is not None
            assert recovered.torn_at is not None
            path, offset, size = recovered.torn_at
            assert disk.image()[recovered.torn.name] == image[path.name][offset : offset + size]
            if path == recovered.path:  # the one before it gets its seal there
                assert not disk.image()[path.name][offset : offset + size].strip(b"\0")
            assert disk.cut() == disk.image()
    assert torn > 20


def test_an_acknowledgement_comes_after_the_flush_of_its_batch() -> None:
    disk = Disk()
    writer = open_writer(disk)
    for one in batches(12):
        append(writer, [one])
        assert contents(Disk(disk.cut()), one[0])[-1] == one
    assert not [inode for inode in disk.names_durable.values() if inode.pending]


class LyingDisk(Disk):
    """Says that it flushed, and did not: every `every`-th time, files or the folder."""

    def __init__(self, what: str, every: int) -> None:
        super().__init__()
        self.what, self.every, self.asked = what, every, 0

    def _lies(self, what: str) -> bool:
        self.asked += what == self.what
        return what == self.what and self.asked % self.every == 0

    def flush(self, file: int) -> None:
        if not self._lies("file"):
            super().flush(file)

    def flush_folder(self, folder: Path) -> None:
        if not self._lies("folder"):
            super().flush_folder(folder)

    flush_all = flush


@pytest.mark.parametrize(
    ("what", "every"), [("file", 1), ("file", 3), ("file", 7), ("folder", 1), ("folder", 2)]
)
def test_a_left_out_flush_would_be_noticed(what: str, every: int) -> None:
    snapshots, written = record((60, 100, 300, 40, 600, 500, 150, 700, 80, 90, 200), LyingDisk(what, every))
    with pytest.raises((AssertionError, CorruptData)):  # noqa: PT012 - any of the states may show it
        for acknowledged, image in states(snapshots, subsets=12):
            check(image, acknowledged, written)
