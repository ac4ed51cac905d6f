import errno
import threading
from pathlib import Path

import pytest

from engine.base.files import OsFiles
from engine.journal.spare import NAME, PIECE, Spare
from tests.deadline import until
from tests.recovery.disk import Disk
from tests.recovery.journal import FOLDER


def test_a_spare_is_zeros_of_its_size_and_durable() -> None:
    disk = Disk()
    spare = Spare(FOLDER, disk, 2 * PIECE + 5, background=False)
    spare.prepare()
    steps = len(disk.steps)
    file = spare.take(100)
    assert len(disk.steps) == steps, "it was ready"
    assert disk.files[file].durable == bytes(2 * PIECE + 5)


def test_a_spare_that_is_too_small_is_replaced() -> None:
    disk = Disk()
    spare = Spare(FOLDER, disk, 100, background=False)
    spare.prepare()
    assert disk.size(spare.take(5000)) == 5000
    assert list(disk.names_now) == [NAME]
    assert len(disk.files) == 1


def test_a_disk_that_was_full_while_the_spare_was_made_is_tried_again_when_it_is_needed() -> None:
    disk = Disk()
    disk.room = 10
    spare = Spare(FOLDER, disk, 100, background=False)
    spare.prepare()
    assert list(disk.names_now) == []
    steps = len(disk.steps)
    spare.prepare()
    assert len(disk.steps) == steps, "not once for each batch"
    disk.room = None
    assert disk.size(spare.take(100)) == 100


def test_a_disk_that_failed_while_the_spare_was_made_is_reported_when_it_is_needed() -> None:
    disk = Disk()
    disk.errors = {2: errno.EIO}
    spare = Spare(FOLDER, disk, 100, background=False)
    spare.prepare()
    with pytest.raises(OSError, match="EIO"):
        spare.take(100)


class SlowFiles(OsFiles):
    """Waits in the first flush until the test lets it go on."""

    def __init__(self) -> None:
        self.started, self.go_on = threading.Event(), threading.Event()
        self.flushes = 0

    def flush(self, file: int) -> None:
        self.flushes += 1
        self.started.set()
        assert self.go_on.wait(10)
        super().flush(file)


def test_the_spare_is_made_beside_the_work_and_waited_for_when_needed(tmp_path: Path) -> None:
    files = SlowFiles()
    spare = Spare(tmp_path, files, 3 * PIECE)
    spare.prepare()
    spare.prepare()
    assert files.started.wait(10)
    threading.Timer(0.01, files.go_on.set).start()
    file = spare.take(100)
    assert files.size(file) == 3 * PIECE
    assert files.flushes == 3
    files.close(file)


def test_closing_stops_what_is_under_way_and_leaves_nothing(tmp_path: Path) -> None:
    files = SlowFiles()
    spare = Spare(tmp_path, files, 100 * PIECE)
    spare.prepare()
    assert files.started.wait(10)
    closing = threading.Thread(target=spare.close)
    closing.start()
    until(lambda: spare._cancelled)
    files.go_on.set()
    closing.join(10)
    assert files.flushes < 100
    assert list(tmp_path.iterdir()) == []
