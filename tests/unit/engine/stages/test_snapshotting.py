"""When a snapshot is due, and what the journal may let go after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.log import KeptLog
from engine.base.log_codes import Code
from engine.node.data_directory import DataDirectory
from engine.node.status import StatusPage
from engine.snapshots.needed import read_needed
from engine.stages.snapshotting import COMMANDS_PER_EVENT, Snapshotting
from tests.unit.engine.snapshots.history import History
from tests.unit.engine.snapshots.sample import tallies

EVERY = 20


class Played:
    """One partition with its history, and a snapshotter of it."""

    def __init__(self, path: Path, page: StatusPage) -> None:
        self.data, self.log = DataDirectory(path), KeptLog()
        self.history = History(path)
        self.output, self.slot = page.slot("output-0"), page.slot("snapshotter")
        self.again()

    def again(self) -> None:
        """The next life of the snapshotter."""
        self.snapshotting = Snapshotting(
            self.data, tallies, [self.output], self.slot, every=EVERY, log=self.log, beat=lambda: None
        )
        self.snapshotting.look()

    def go_on(self, batches: int) -> None:
        self.history.go_on(batches)
        partition = self.history.partition
        self.output.sequence, self.output.position = partition.sequence, partition.position

    @property
    def needed(self) -> list[int]:
        return read_needed(self.data.needed, 1)


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    with StatusPage.create(tmp_path / "status", ["output-0", "snapshotter"]) as page:
        yield Played(tmp_path / "data", page)


def test_one_is_due_as_soon_as_the_store_is_far_enough_ahead(played: Played) -> None:
    assert not played.snapshotting.due()
    played.go_on(20)
    assert played.snapshotting.due()
    played.snapshotting.take()
    assert not played.snapshotting.due()
    played.go_on(20)
    assert played.snapshotting.due()


def test_refused_commands_make_one_due_too(played: Played) -> None:
    played.output.position, played.output.sequence = 1, COMMANDS_PER_EVENT * EVERY - 1
    assert not played.snapshotting.due()
    played.output.sequence += 1
    assert played.snapshotting.due()


def test_the_journal_keeps_what_the_older_of_two_snapshots_needs(played: Played) -> None:
    played.go_on(5)
    played.snapshotting.take()
    assert played.needed == [0], "there are not two yet"
    first = played.output.sequence
    played.go_on(5)
    played.snapshotting.take()
    assert played.needed == [first]
    assert (played.slot.snapshots_taken, played.slot.notes_written) == (2, 3)
    assert played.slot.position == played.output.position
    assert played.log.codes == [Code.SNAPSHOT_TAKEN] * 2


def test_a_new_life_counts_the_snapshots_that_are_whole(played: Played) -> None:
    played.go_on(5)
    played.snapshotting.take()
    first = played.output.sequence
    played.go_on(5)
    played.snapshotting.take()
    played.again()
    assert played.needed == [first]
    newest, _ = played.data.snapshot_folder(0).snapshots()
    newest.path.write_bytes(newest.path.read_bytes()[:-9])
    played.again()
    assert played.needed == [0]
    assert played.log.codes[-1] == Code.SNAPSHOT_DAMAGED
