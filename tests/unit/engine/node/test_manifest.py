import json
from pathlib import Path

import pytest

from engine.base.errors import ConfigError, CorruptData, RingfoldError
from engine.node.manifest import open_data


def opened(
    data: Path, app: str = "notes", fingerprint: str = "f", partitions: int = 2, given: bool = True
) -> int:
    return open_data(data, app, fingerprint, partitions, given)


def test_a_new_data_directory_remembers_what_it_was_made_for(tmp_path: Path) -> None:
    assert opened(tmp_path) == 2
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert {key: manifest[key] for key in ("format", "app", "fingerprint", "partitions")} == {
        "format": 1,
        "app": "notes",
        "fingerprint": "f",
        "partitions": 2,
    }
    assert opened(tmp_path) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_partitions_that_nobody_asked_for_are_those_of_the_directory(tmp_path: Path) -> None:
    opened(tmp_path, partitions=4)
    assert opened(tmp_path, partitions=1, given=False) == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"app": "railway"}, "another application"),
        ({"partitions": 4}, "partitions cannot be changed"),
        ({"fingerprint": "g"}, "reference data"),
    ],
)
def test_what_differs_is_refused_and_the_manifest_stays(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    opened(tmp_path)
    before = (tmp_path / "manifest.json").read_bytes()
    wanted: dict[str, object] = {"app": "notes", "fingerprint": "f", "partitions": 2} | change
    with pytest.raises(ConfigError, match=said):
        open_data(
            tmp_path, str(wanted["app"]), str(wanted["fingerprint"]), int(str(wanted["partitions"])), True
        )
    assert (tmp_path / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"format": "1"}', '{"format": 1, "app": 5}'])
def test_a_damaged_manifest_is_refused(tmp_path: Path, body: str) -> None:
    (tmp_path / "manifest.json").write_text(body)
    with pytest.raises(CorruptData, match="damaged"):
        opened(tmp_path)


def test_a_journal_without_a_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    with pytest.raises(CorruptData, match="no manifest"):
        opened(tmp_path)


def test_a_later_format_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(RingfoldError, match="another format"):
        opened(tmp_path)
