"""`store verify`: sound or not, in a line for each folder."""

import json
from pathlib import Path

import pytest

from engine.base.errors import Exit
from engine.cli import main
from engine.node.data_directory import DataDirectory
from engine.testing import InlineEngine
from examples.bank_transfer import app
from examples.bank_transfer.messages import OpenAccount, StartTransfer


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    """A directory with two stores, a view and a process manager."""
    with InlineEngine(app, tmp_path / "data", partitions=2) as engine:
        for name in ("account-1", "account-2"):
            engine.send(OpenAccount(name, amount=100))
        engine.send(StartTransfer("transfer-1", source="account-1", target="account-2", amount=7))
        engine.settle()
    return DataDirectory(tmp_path / "data")


def verify(data: DataDirectory, *more: str) -> int:
    return main(["store", "verify", f"--data={data.path}", *more])


def test_everything_that_is_sound_has_a_line(data: DataDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(data, "--json") == Exit.OK
    printed = map(json.loads, capsys.readouterr().out.splitlines())
    found = {line["data"]["folder"]: line["data"] for line in printed}
    assert set(found) == {"store-0000", "store-0001", "views/money-v1", "managers/clerk"}
    events = sum(reader.position() for reader in data.readers())
    assert found["store-0000"]["entries"] + found["store-0001"]["entries"] == events
    assert all(line["pages"] > 0 and not line["problem"] for line in found.values())
    assert verify(data) == Exit.OK
    assert capsys.readouterr().out.count(": sound\n") == 4


def test_a_view_that_is_a_link_to_nothing_is_not_left_out(
    data: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    file = data.views / "money-v1" / "data.mdb"
    file.unlink()
    file.symlink_to(data.path / "nothing")
    assert verify(data) == Exit.CORRUPT
    assert capsys.readouterr().out.count(": sound\n") == 3


@pytest.mark.parametrize("folder", ["store-0001", "views/money-v1", "managers/clerk"])
def test_what_is_damaged_is_named_and_the_rest_is_read(
    data: DataDirectory, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = data.path / folder / "data.mdb"
    with file.open("r+b") as open_file:
        open_file.truncate(3 * 4096)
    assert verify(data) == Exit.CORRUPT
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.endswith(": sound") for line in lines) == 3
    (line,) = (line for line in lines if not line.endswith(": sound"))
    assert line.startswith(f"{folder}: the file was cut (path={file}, page=")
