"""Stations are found as people type them."""

import csv
from pathlib import Path

import pytest

from domain_12306.reference.spelling import StationIndex, spelled
from domain_12306.reference.stations import Stations, read_stations
from tests.unit.domain_12306.kit import real_file

KNOWN = ["重庆北", "重庆", "长沙南", "厦门北", "北京南", "北京西", "北京", "上海虹桥", "上海"]
KNOWN += ["成都东", "吕梁", "六安"]
CITIES = Stations({"上海虹桥": "上海"})


@pytest.mark.parametrize(
    ("station", "pinyin", "initials"),
    [
        ("重庆北", "chongqingbei", "cqb"),
        ("长沙南", "changshanan", "csn"),
        ("厦门北", "xiamenbei", "xmb"),
        ("六安", "luan", "la"),
        ("蚌埠南", "bengbunan", "bbn"),
        ("吕梁", "lvliang", "ll"),
    ],
)
def test_characters_that_are_read_in_several_ways_are_read_rightly(
    station: str, pinyin: str, initials: str
) -> None:
    assert spelled(station, "")[2:] == (pinyin, initials)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("北京", ["北京", "北京南", "北京西"]),
        ("cqb", ["重庆北"]),
        ("ｃｑｂ", ["重庆北"]),
        (" chong qing bei ", ["重庆北"]),
        ("lu'an", ["六安"]),
        ("CQ", ["重庆", "重庆北"]),
        ("chongq", ["重庆", "重庆北"]),
        ("xiamen", ["厦门北"]),
        ("lü", ["吕梁"]),
        ("上海", ["上海", "上海虹桥"]),
        ("hongqiao", ["上海虹桥"]),
        ("nowhere", []),
    ],
)
def test_what_is_typed_finds_the_likeliest_first(typed: str, found: list[str]) -> None:
    assert [one.station for one in StationIndex(CITIES).find(typed, KNOWN, 10)] == found


def test_every_station_of_the_country_is_found_by_each_of_its_spellings() -> None:
    path = real_file("RINGFOLD_STATIONS")
    index = StationIndex(read_stations(path))
    with Path(path).open(encoding="utf-8", newline="") as file:
        known = [row[0] for row in csv.reader(file)]
    for station in known[::97]:
        (exact, *_) = index.find(station, known, 1)
        assert exact.station == station
        for typed in (exact.pinyin, exact.initials):
            assert station in [one.station for one in index.find(typed, known, len(known))]
