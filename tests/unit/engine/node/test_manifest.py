import json
import os
from pathlib import Path

import pytest

from engine.base.durable import read_note, replace_file, replace_note
from engine.base.errors import ConfigError, CorruptData
from engine.node.data_directory import DataDirectory
from engine.node.manifest import FORMAT


def opened(
    path: Path, app: str = "notes", fingerprint: str = "f", partitions: int = 2, given: bool = True
) -> DataDirectory:
    data = DataDirectory(path)
    data.open(app, fingerprint, partitions, given=given)
    return data


def test_a_new_data_directory_remembers_what_it_was_made_for(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.open("notes", "f", 2, given=True, index_key=bytes(range(16)))
    written = json.loads(read_note(tmp_path / "manifest.json"))
    del written["created"], written["begun_ns"]
    assert written == {
        "format": FORMAT,
        "app": "notes",
        "fingerprint": "f",
        "partitions": 2,
        "index_key": "000102030405060708090a0b0c0d0e0f",
        "clock": "system",
    }
    assert opened(tmp_path).manifest == data.manifest
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_each_data_directory_has_an_index_key_of_its_own(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    keys = {opened(tmp_path / name).manifest.index_key for name in "ab"}
    assert len(keys) == 2
    assert {len(bytes.fromhex(key)) for key in keys} == {16}


def test_partitions_that_were_not_asked_for_are_those_of_the_directory(tmp_path: Path) -> None:
    opened(tmp_path, partitions=4)
    assert opened(tmp_path, partitions=1, given=False).partitions == 4


@pytest.mark.parametrize(
    ("app", "fingerprint", "partitions", "said"),
    [
        ("railway", "f", 2, "another application"),
        ("notes", "f", 4, "partitions cannot be changed"),
        ("notes", "g", 2, "reference data"),
    ],
)
def test_what_differs_is_refused_and_the_manifest_stays(
    tmp_path: Path, app: str, fingerprint: str, partitions: int, said: str
) -> None:
    opened(tmp_path)
    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(ConfigError, match=said):
        opened(tmp_path, app, fingerprint, partitions)
    assert (tmp_path / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"{}", b'{"format": "1"}'),
        b'{"format": %d, "app": 5}' % FORMAT,
        b'{"format": %d, "app": "\xff"}' % FORMAT,
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(body)
    with pytest.raises(CorruptData, match="damaged"):
        opened(tmp_path)


def test_a_manifest_in_which_a_bit_has_flipped_is_refused_as_damaged_wherever_it_is(tmp_path: Path) -> None:
    opened(tmp_path)
    path = tmp_path / "manifest.json"
    whole = path.read_bytes()
    for at in range(len(whole)):
        replace_file(path, whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(CorruptData, match="the manifest is damaged"):
            opened(tmp_path)


def test_a_journal_without_a_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    with pytest.raises(CorruptData, match="no manifest"):
        opened(tmp_path)


def test_a_folder_without_a_manifest_is_not_a_data_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a data directory"):
        _ = DataDirectory(tmp_path).partitions


@pytest.mark.parametrize("found", [1, FORMAT + 1])
def test_another_format_is_refused_in_one_line_whatever_else_is_in_the_manifest(
    tmp_path: Path, found: int
) -> None:
    text = json.dumps({"format": found, "unknown": []}).encode() + b"\n"
    for write in (replace_file, replace_note):  # the first formats had no seal
        write(tmp_path / "manifest.json", text)
        with pytest.raises(ConfigError, match=f"another format.*found={found}, wanted={FORMAT}") as refused:
            _ = DataDirectory(tmp_path).partitions
        assert "\n" not in str(refused.value)


def test_a_folder_of_something_else_is_not_filled_with_files_of_a_node(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    for harmless in ("lock", "lost+found", "node.log", ".hidden", "manifest.json.new"):
        (tmp_path / harmless).touch()
    data.expect_usable()
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(ConfigError, match=r"holds something else \(path=.*, found=pyproject.toml\)"):
        data.expect_usable()
    opened(tmp_path).expect_usable()


def test_a_pipe_in_a_data_directory_is_named_and_not_opened(tmp_path: Path) -> None:
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "code").touch()
    (tmp_path / "views" / "gone").symlink_to("nowhere")
    data = DataDirectory(tmp_path)
    data.expect_plain_files()
    os.mkfifo(tmp_path / "views" / "pipe")
    with pytest.raises(ConfigError, match=r"a pipe or a device in the data directory.*views/pipe"):
        data.expect_plain_files()
