"""There is no room: on a small disk of its own, or in the map of the event store. The node answers `busy`,
loses nothing that it has accepted, and goes on by itself when there is room."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from engine import Client, Node
from engine.node.data_directory import DataDirectory
from engine.node.status import State
from engine.store import Reader
from engine.testing import InlineEngine
from examples.bank_transfer import app
from examples.bank_transfer.messages import OpenAccount, StartTransfer
from examples.notes.messages import ChangeTitle, CreateNote
from tests.acceptance.kit import one_line, ringfold
from tests.deadline import until

DISK = 12 << 20
FILLS = 10
BANK = "examples.bank_transfer:app"
SETTINGS = {
    "segment_bytes": "256KiB",
    "max_message_bytes": "64KiB",
    "checkpoint_ms": 20,
    "snapshot_events": 100,
    "disk_reserve_bytes": 0,
}


class Disk:
    """A small file system that can be filled."""

    def __init__(self, path: Path) -> None:
        self.path, self._ballast = path, path / "ballast"

    def fill(self, leave: int = 0) -> None:
        """Takes all room but so many bytes."""
        with self._ballast.open("ab", buffering=0) as file:
            while (free := self._free() - leave) > 0:
                try:
                    file.write(bytes(min(free, 1 << 20)))
                except OSError:  # another one was quicker
                    return

    def empty(self) -> None:
        """Gives it back."""
        self._ballast.unlink()

    def _free(self) -> int:
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(path)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"NOT TESTED, a file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def test_a_disk_that_is_full_ten_times_in_a_row_is_busy_each_time_and_nothing_is_lost(disk: Disk) -> None:
    accepted: list[str] = []
    node = Node(disk.path / "data", app=BANK, settings=SETTINGS, log=disk.path.parent / "log")
    with node, Client(node.endpoints, batch=1) as client:
        opened = client.send_many(OpenAccount(name, amount=1000) for name in ("from", "to"))
        assert all(receipt.ok for receipt in opened)

        def outcome() -> str:
            command = StartTransfer(f"transfer-{len(accepted)}", source="from", target="to", amount=1)
            receipt = client.send(command, wait="accepted", timeout_s=0.2)
            if receipt.outcome == "accepted":
                accepted.append(command.aggregate)
            return receipt.outcome

        for number in range(FILLS):
            disk.fill(leave=number * 3000)
            until(lambda: outcome() == "busy", 10, "busy")
            disk.empty()
            until(lambda: outcome() == "accepted", 10, "accepted again")
        disk.fill()
        client.query("money", "rebuild")
        disk.empty()
        finished = {"finished": len(accepted)}
        until(lambda: client.query("money", "transfers") == finished, 30, "each is finished")
        assert client.query("money", "sum") == {"accounts": 2000, "under_way": 0}
        until(lambda: client.query("money", "versions")["served"]["generation"] == 2, 30, "built again")
        assert client.query("money", "balance", {"id": "to"}) == 1000 + len(accepted)
        assert node.page is not None
        assert {name: node.page.slot(name).restarts for name in node.pids} == dict.fromkeys(node.pids, 0)
    (reader,) = DataDirectory(node.data).readers()
    started = [commit.aggregate for _, commit in reader.commits() if commit.version == 1]
    reader.close()
    assert sorted(started) == sorted(["from", "to", *accepted]), "each accepted one once, and no other"
    text = (disk.path.parent / "log").read_text()
    assert "output.no-room" in text
    assert "Traceback" not in text


def test_followers_that_start_while_the_disk_is_full_wait_for_room_and_are_not_given_up(disk: Disk) -> None:
    log = disk.path.parent / "log"
    with Node(disk.path / "data", app=BANK, settings=SETTINGS, log=log) as node:
        assert node.page is not None
        page, pipeline = node.page, ("input", "core-0", "output-0")
        followers = [name for name in node.pids if name not in pipeline]
        shutil.rmtree(node.data / "views" / "money-v1")  # the next start of the view needs room
        disk.fill()
        for name in followers:
            os.kill(node.pids[name], signal.SIGKILL)
        waits = "projector-money waits until there is room on the disk"

        def says_so() -> bool:
            disk.fill()  # with what the dead ones held
            return waits in log.read_text()

        until(says_so, 20, "it says so")
        until(lambda: page.slot("snapshotter").state == State.WAITING_FOR_ROOM, 20, "it waits for its note")
        disk.empty()
        until(node.at_work, 20, "all are at work again")
        assert all(page.slot(name).state != State.FAILED for name in followers)
    assert "Traceback" not in log.read_text()


def test_a_start_without_room_on_the_disk_is_one_line(disk: Disk) -> None:
    old, new = disk.path / "old", disk.path / "new"
    with InlineEngine(app, old):
        pass
    for data in (old, new):
        for leave in (0, 4096, 1 << 16, 1 << 19):
            disk.fill(leave)
            done = ringfold("serve", f"--data={data}", f"--app={BANK}", "--set=segment_bytes=4MiB")
            disk.empty()
            assert done.returncode == 75
            assert f"no room for a start (path={data}, free_bytes=" in one_line(done.stderr)


def is_last(reader: Reader, note: str, title: str) -> bool:
    """True if this is the title that was stored last."""
    *_, commit = reader.stream(note)
    return bool(commit.events[0]["title"] == title)


def test_a_full_map_is_busy_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    data, log = tmp_path / "data", tmp_path / "log"
    app, small = "examples.notes:app", {"map_bytes": "16MiB", "stop_seconds": 1}
    titles: dict[str, str] = {}
    with Node(data, app=app, settings=small, log=log) as node, Client(node.endpoints, batch=1) as client:
        for number in range(10):
            assert client.send(CreateNote(f"note-{number}", title="-")).ok

        def outcome(number: int) -> str:
            title = f"{number} ".ljust(200_000, "x")
            command = ChangeTitle(f"note-{number % 10}", title=title)
            receipt = client.send(command, wait="accepted", timeout_s=0.2)
            if receipt.outcome == "accepted":
                titles[command.aggregate] = title
            return receipt.outcome

        numbers = iter(range(1000))
        until(lambda: outcome(next(numbers)) == "busy", 20, "busy")
        assert client.query("notes", "note", {"note": "note-0"}) is not None, "what is known is answered"
        node.kill()
    assert "start with a larger map_bytes" in log.read_text()
    with Node(data, app=app, settings={"map_bytes": "1GiB"}) as node, Client(node.endpoints) as client:
        (reader,) = DataDirectory(data).readers()
        for name in titles:
            until(partial(is_last, reader, name, titles[name]), 20, name)
        reader.close()
        assert client.send(CreateNote("later", title="there is room")).ok
