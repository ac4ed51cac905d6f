"""What has the place of something that is made again is set aside and named; everything else stays."""

import shutil
from pathlib import Path

import pytest

from engine.base.files import remove_all
from engine.base.log import KeptLog
from engine.base.log_codes import Code
from engine.node.data_directory import DataDirectory
from engine.node.misplaced import set_misplaced_aside

FOLDERS = ("snapshots", "snapshots/0000", "views", "views/sums-v1", "failed")
FILES = (
    "snapshots/needed.json",
    "snapshots/needed.json.new",
    "snapshots/take",
    "snapshots/0000/making.tmp",
    "views/sums.json",
    "views/sums.json.new",
    "failed/projector-sums.json",
    "endpoints.json",
)
TRUTH = ("journal", "store-0000", "managers", "workers")


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    """A directory with everything in its place."""
    data = DataDirectory(tmp_path / "data")
    data.path.mkdir()
    data.open("sums", "", 1, given=True)
    for name in (*FOLDERS, *TRUTH):
        (data.path / name).mkdir()
    for name in FILES:
        (data.path / name).touch()
    return data


def looked_at(data: DataDirectory) -> KeptLog:
    """What a look says."""
    log = KeptLog()
    set_misplaced_aside(data, log)
    return log


def test_what_is_in_its_place_stays(data: DataDirectory) -> None:
    before = sorted(data.path.rglob("*"))
    assert looked_at(data) == []
    assert sorted(data.path.rglob("*")) == before


def test_what_is_not_there_is_not_missed(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.open("sums", "", 1, given=True)
    assert looked_at(data) == []


@pytest.mark.parametrize("name", [name for name in FOLDERS if name != "views/sums-v1"])
def test_a_file_in_the_place_of_a_folder_is_set_aside(data: DataDirectory, name: str) -> None:
    path = data.path / name
    shutil.rmtree(path)
    path.write_text("x")
    log = looked_at(data)
    assert log.codes == [Code.DATA_SET_ASIDE]
    assert f"path={path}, kept={path}.damaged" in log[0]
    assert Path(f"{path}.damaged").read_text() == "x"
    assert not path.exists()


@pytest.mark.parametrize("name", FILES)
def test_a_folder_in_the_place_of_a_file_is_set_aside(data: DataDirectory, name: str) -> None:
    path = data.path / name
    path.unlink()
    (path / "inside").mkdir(parents=True)
    assert looked_at(data).codes == [Code.DATA_SET_ASIDE]
    assert Path(f"{path}.damaged", "inside").is_dir()
    assert not path.exists()
    (path / "again").mkdir(parents=True)
    assert looked_at(data).codes == [Code.DATA_SET_ASIDE], "it takes the place of what was kept before"
    assert Path(f"{path}.damaged", "again").is_dir()


@pytest.mark.parametrize("name", ["snapshots", "snapshots/needed.json", "views", "views/sums.json"])
def test_a_link_to_nothing_is_set_aside_and_one_to_the_right_thing_is_not(
    data: DataDirectory, tmp_path: Path, name: str
) -> None:
    path, elsewhere = data.path / name, tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert looked_at(data) == []
    remove_all(elsewhere)
    assert looked_at(data).codes == [Code.DATA_SET_ASIDE]
    assert not path.is_symlink()


@pytest.mark.parametrize("name", TRUTH)
def test_the_truth_is_not_touched(data: DataDirectory, name: str) -> None:
    path = data.path / name
    path.rmdir()
    path.write_text("x")
    assert looked_at(data) == []
    assert path.read_text() == "x"
