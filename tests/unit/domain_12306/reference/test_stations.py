"""Which stations are in one city."""

from pathlib import Path

import pytest

from domain_12306.reference.stations import Stations, read_stations
from engine import ConfigError


def test_without_a_file_a_direction_at_the_end_is_left_out() -> None:
    stations = Stations()
    assert [stations.city(name) for name in ("上海南", "上海虹桥", "济南", "上海")] == [
        "上海",
        "上海虹桥",
        "济南",
        "上海",
    ]


def test_a_file_says_more_and_its_content_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "stations.csv"
    file.write_text("上海虹桥,上海\n南站,北\n", encoding="utf-8")
    stations = read_stations(file)
    assert [stations.city(name) for name in ("上海虹桥", "南站", "长沙南")] == ["上海", "北", "长沙"]
    before = stations.fingerprint
    assert before != Stations().fingerprint
    file.write_text("上海虹桥,北京\n", encoding="utf-8")
    assert read_stations(file).fingerprint != before


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"a,b\nc\n", "a station has a name and a city.*line=2"),
        (b"a,\n", "a station has a name and a city.*line=1"),
        (b"\xff,b\n", "is not UTF-8.*offset=0"),
        (b"a,b\na,b\na,c\n", "a is in b already.*line=3"),
        (b"a,b\n" + 200_000 * b"a", "cannot read the file of stations.*field larger"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, content: bytes, error: str) -> None:
    file = tmp_path / "stations.csv"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=error):
        read_stations(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the file of stations"):
        read_stations(tmp_path / "none")
