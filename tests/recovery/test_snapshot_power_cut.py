"""The power is cut after every step of taking a snapshot: what counts as one is whole, the older is there."""

import random
from pathlib import Path

import pytest

from engine.base.log import KeptLog
from engine.model.state import state_digest
from engine.snapshots import SnapshotFolder
from tests.recovery.disk import Disk, Snapshot
from tests.unit.engine.snapshots.sample import newest, put, some

DATA = Path("data")


@pytest.mark.parametrize("subsets", [2, pytest.param(12, marks=pytest.mark.smoke)])
def test_no_power_cut_leaves_a_snapshot_that_is_not_one(subsets: int) -> None:
    disk = Disk()
    old, new = some(300, 2), some(300, 4)
    first = put(DATA, 10, some(2), disk)
    put(DATA, 20, old, disk)
    disk.snapshots = []
    third = put(DATA, 30, new, disk)
    SnapshotFolder(DATA, 0, disk).keep(third.path)
    disk.snapshots.append(Snapshot.of(disk))
    digests = {20: state_digest(old), 30: state_digest(new)}
    chance = random.Random(1)
    met = {20: 0, 30: 0, "said": 0}
    for snapshot in disk.snapshots:
        for image in snapshot.images(chance, subsets):
            said = KeptLog()
            found = newest(DATA, said, files=Disk(image))
            assert found is not None
            assert state_digest(found.aggregates) == digests[found.position]
            met[found.position] += 1
            met["said"] += len(said)
            assert first.path.name in image or third.path.name in image
    assert met[20] > 10
    assert met[30] > 2
    assert met["said"] == 0, "a file of that name is always whole"
