"""Damage in what a node keeps: in truth it is refused, in what follows from it it is made again."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

from engine import Client, Node
from engine.base.files import remove_all
from engine.base.identity import uuid7_hex
from engine.node.data_directory import DataDirectory
from examples.bank_transfer.messages import OpenAccount
from tests.acceptance.kit import ROOT, clean_environment, ringfold

APP = "examples.bank_transfer:app"
PAGE = 4096
FIRST = OpenAccount("account-1", id=uuid7_hex(), amount=7)


@pytest.fixture(scope="module")
def left_in_order(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as a node left it."""
    path = tmp_path_factory.mktemp("damage") / "data"
    with Node(path, app=APP) as node, Client(node.endpoints) as client:
        assert client.send(FIRST).ok
        assert client.send(OpenAccount("account-2", amount=5)).ok
        position = (0, 2)
        assert client.query("money", "balance", {"id": "account-2"}, at_least=position) == 5
    return path


@pytest.fixture
def data(left_in_order: Path, tmp_path: Path) -> DataDirectory:
    """A copy of it."""
    shutil.copytree(left_in_order, tmp_path / "data")
    return DataDirectory(tmp_path / "data")


def refusal(data: DataDirectory, code: int = 4) -> str:
    """What a start says that ends with this exit code."""
    command = [sys.executable, "-m", "engine", "serve", f"--data={data.path}", f"--app={APP}"]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=10
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_command_whose_row_is_hidden_does_not_take_effect_twice(data: DataDirectory) -> None:
    path = str(data.store(0))
    with lmdb.open(path, map_size=1 << 30, max_dbs=8) as env:
        rows = env.open_db(b"commands", create=False)
        with env.begin(write=True) as txn:
            cursor = txn.cursor(rows)
            assert cursor.set_range(bytes.fromhex(FIRST.id))
            key, value = cursor.item()
            txn.delete(key, db=rows)
            txn.put(bytes([key[0] ^ 1]) + key[1:], value, db=rows)
    text = refusal(data)
    assert (
        f"missing or damaged in an index (path={path}, table=commands, position=1, command={FIRST.id}" in text
    )


def test_a_store_that_was_cut_is_refused_and_made_again_from_the_journal_once_it_is_moved_aside(
    data: DataDirectory,
) -> None:
    file = data.store_file(0)
    with file.open("r+b") as open_file:
        open_file.truncate(3 * 4096)
    assert f"the file was cut (path={file}, page=" in refusal(data)
    data.store(0).rename(data.path / "aside")
    with Node(data.path, app=APP) as node, Client(node.endpoints) as client:
        assert client.send(FIRST).position == 1, "it is answered as the first time"
        assert client.query("money", "balance", {"id": "account-2"}) == 5


def test_a_damaged_view_is_kept_aside_and_built_again(data: DataDirectory, tmp_path: Path) -> None:
    file = data.views / "money-v1" / "data.mdb"
    content = file.read_bytes()
    at = content.rindex(b"account/account-2")
    file.write_bytes(content[:at] + b"b" + content[at + 1 :])
    log = tmp_path / "log"
    with Node(data.path, app=APP, log=log) as node, Client(node.endpoints) as client:
        assert client.query("money", "balance", {"id": "account-2"}, at_least=(0, 2)) == 5
    (line,) = (line for line in log.read_text().splitlines() if "view.damaged" in line)
    assert "money-v1 is damaged, and is built again" in line
    assert f"path={file.parent}" in line
    assert (data.views / "money-v1.damaged" / "data.mdb").exists()


@pytest.mark.parametrize("name", ["", "lock.mdb"])
def test_a_view_where_a_link_leads_to_nothing_is_built_again(
    data: DataDirectory, tmp_path: Path, name: str
) -> None:
    place = data.views / "money-v1" / name
    remove_all(place)
    place.symlink_to(tmp_path / "nothing")
    with Node(data.path, app=APP, log=tmp_path / "log") as node, Client(node.endpoints) as client:
        assert client.query("money", "balance", {"id": "account-2"}, at_least=(0, 2)) == 5
    assert "money-v1 is damaged, and is built again" in (tmp_path / "log").read_text()
    assert not (tmp_path / "nothing").exists()


def replace_by_file(folder: Path) -> None:
    """What stands where a folder was is none."""
    shutil.rmtree(folder)
    folder.write_bytes(b"x")


def test_a_folder_of_the_truth_that_is_none_is_one_line(data: DataDirectory) -> None:
    replace_by_file(data.journal)
    text = refusal(data, 3)
    assert f"(path={data.journal}" in text


def files_where_folders_were(data: DataDirectory) -> list[Path]:
    """And a pointer that is damaged."""
    for folder in (data.snapshots, data.failures):
        folder.mkdir(exist_ok=True)
        replace_by_file(folder)
    (data.views / "money.json").write_text('{"serves": 3}')
    return [data.snapshots, data.failures, data.views / "money.json"]


def folders_where_files_were(data: DataDirectory) -> list[Path]:
    places = [data.needed, data.snapshot_request, data.views / "money.json", data.endpoints]
    for place in places:
        place.unlink(missing_ok=True)
        (place / "inside").mkdir(parents=True)
    return places


def links_to_nothing(data: DataDirectory) -> list[Path]:
    places = [data.snapshots, data.views]
    for place in places:
        remove_all(place)
        place.symlink_to(data.path / "nothing")
    return places


@pytest.mark.parametrize(
    "misplace", [files_where_folders_were, folders_where_files_were, links_to_nothing]
)
def test_what_is_made_again_is_made_again_whatever_has_its_place(
    data: DataDirectory, tmp_path: Path, misplace: Callable[[DataDirectory], list[Path]]
) -> None:
    places, log = misplace(data), tmp_path / "log"
    with Node(data.path, app=APP, log=log) as node, Client(node.endpoints) as client:
        assert client.query("money", "balance", {"id": "account-2"}, at_least=(0, 2)) == 5
        taken = ringfold("snapshot", "take", f"--data={data.path}")
        assert taken.returncode == 0, taken.stderr
        assert node.at_work(), "none was given up"
        assert data.needed.is_file()
    text = log.read_text()
    for place in places:
        assert f"kept={place}.damaged" in text
    assert "Traceback" not in text
    assert not (data.path / "nothing").exists()


def test_damage_that_a_core_meets_while_it_loads_is_told_by_its_place(data: DataDirectory) -> None:
    file = data.store_file(0)
    content = file.read_bytes()
    for at in range(2 * PAGE, len(content), PAGE):  # all pages but those of the head
        page = content[at : at + PAGE]
        if FIRST.id.encode() in page:  # where the log has it
            content = content[:at] + page[:16] + bytes(PAGE - 16 - 400) + page[-400:] + content[at + PAGE :]
    file.write_bytes(content)
    assert f"a page is damaged (path={file}, page=" in refusal(data)
