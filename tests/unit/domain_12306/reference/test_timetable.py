"""The timetable file: what is read from it, what is refused by line, and the counts of the real one."""

from collections import Counter as Count
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from domain_12306.reference.builtin_timetable import LINES, built_in_timetable
from domain_12306.reference.timetable import (
    DAY,
    Timetable,
    fare_between,
    problem_with_stops,
    read_timetable,
)
from engine import ConfigError
from tests.unit.domain_12306.kit import real_file

NIGHT = """\
K1,甲,1,,22:50,0,0,0,0,0,0,0
K1,乙,2,23:58,00:03,10,,50,55,60,80,85.5
K1,丙,3,00:30,00:30,9,,49.5,55,60,80,90
G2,丙,1,,07:00,0.0,,,,,,
G2,甲,2,08:15,08:15,100.5,,,,,,
"""

ROUND_AND_ROUND = "\n".join(f"G1,b{k},{k},06:00,06:00,1,,,,,," for k in range(2, 3))
ROUND_AND_ROUND += "".join(f"\nG1,c{k},{k},0{6 - k}:00,0{6 - k}:00,1,,,,,," for k in range(3, 7))
"""Every stop is on the next day."""


def fare_of(timetable: Timetable, train: str, seat_class: str, board: int, alight: int) -> int | None:
    return fare_between(timetable.fares(train, [seat_class]), seat_class, board, alight)


def written(folder: Path, text: str) -> Path:
    path = folder / "timetable.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_times_become_minutes_from_midnight_of_the_origin_date(tmp_path: Path) -> None:
    stops = read_timetable(written(tmp_path, NIGHT)).trains["K1"]
    assert [(s.station, s.arrive, s.depart) for s in stops] == [
        ("甲", 1370, 1370),
        ("乙", 1438, DAY + 3),
        ("丙", DAY + 30, DAY + 30),
    ]
    assert [s.day_offset for s in stops] == [0, 1, 1]


def test_a_train_ends_when_it_arrives_whatever_the_file_says_of_its_departure(tmp_path: Path) -> None:
    for departure in ("", "08:15", "08:40"):
        text = NIGHT.replace("08:15,08:15", f"08:15,{departure}")
        assert read_timetable(written(tmp_path, text)).trains["G2"][-1].depart == 8 * 60 + 15
    text = NIGHT.replace("丙,1,,07:00", "丙,1,07:00,07:00")
    assert read_timetable(written(tmp_path, text)).trains["G2"][0].depart == 7 * 60


def test_fares_are_differences_in_fen_and_at_least_one_yuan(tmp_path: Path) -> None:
    timetable = read_timetable(written(tmp_path, NIGHT))
    assert fare_of(timetable, "K1", "1", 0, 1) == 1_000
    assert fare_of(timetable, "K1", "1", 1, 2) == 100  # the file's fares go down here
    assert fare_of(timetable, "K1", "4", 1, 2) == 450
    assert fare_of(timetable, "K1", "2", 0, 1) is None
    assert fare_of(timetable, "G2", "O", 0, 1) == 10_050
    assert fare_of(timetable, "G2", "M", 0, 1) == 16_080
    assert fare_of(timetable, "G2", "9", 0, 1) == 30_150


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("G1,a,1,,07:00,0", "6 columns"),
        ("G1,a,2,,07:00,0,,,,,,", "stop number"),
        ("G1,a,1,06:00,07:00,0,,,,,,", "arrives at its origin"),
        ("G1,a,1,,24:00,0,,,,,,", "no time"),
        ("G1,a,1,,7:00,0,,,,,,", "no time"),
        ("G1,a,1,,07:60,0,,,,,,", "no time"),
        ("G1,,1,,07:00,0,,,,,,", "nowhere"),
        (",a,1,,07:00,0,,,,,,", "no usable number"),
        ("G/1,a,1,,07:00,0,,,,,,", "no usable number"),
        ("G1,a,1,,07:00,x,,,,,,", "no fare"),
        ("G1,a,1,,07:00,-1,,,,,,", "no fare"),
        ("G1,a,1,,07:00,1.234,,,,,,", "no fare"),
        ("G1,a,1,,07:00,0,,,,,,\nG1,a,2,08:00,08:00,1,,,,,,", "calls twice"),
        ("G1,a,1,,07:00,0,,,,,,\nG1,b,2,,08:00,1,,,,,,", "no time"),
        ("G1,a,1,,,0,,,,,,", "no time"),
        ("G1,a,1,,07:00,0,,,,,,\nG1,b,2,08:00,,1,,,,,,\nG1,c,3,09:00,,1,,,,,,", "does not depart"),
        ("G1,a,1,,07:00,0,,,,,,", "train G1: 1 stops"),
        (f"{41 * 'G'},a,1,,07:00,0,,,,,,", "no usable number"),
        ("G1,a,1,,07:00,0,,,,,,\nG1,b,2,08:00,08:00,50000.01,,,,,,", "more than any fare"),
        (f"G1,a,1,,07:00,0,,,,,,\nG1,{41 * 'b'},2,08:00,08:00,1,,,,,,", "is no name"),
        (f"G1,a,1,,07:00,0,,,,,,\n{ROUND_AND_ROUND}", "beyond 4 days"),
        ("K1,a,1,,07:00,0,,,,,,\nK1,b,2,08:00,08:00,0,,,,,,", "one piece"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, row: str, why: str) -> None:
    path = written(tmp_path, f"{NIGHT}{row}\n")
    with pytest.raises(ConfigError, match=why) as refusal:
        read_timetable(path)
    assert refusal.value.facts["line"] >= 6  # type: ignore[operator]
    assert str(path) in str(refusal.value)


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        read_timetable(tmp_path / "nowhere.csv")
    (tmp_path / "latin").write_bytes(b"G1,\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_timetable(tmp_path / "latin")


def test_a_file_of_a_spreadsheet_begins_with_a_mark_that_is_no_part_of_it(tmp_path: Path) -> None:
    assert list(read_timetable(written(tmp_path, "\ufeff" + NIGHT)).trains) == ["K1", "G2"]


def test_a_file_without_a_train_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no train"):
        read_timetable(written(tmp_path, ""))


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    one = read_timetable(written(tmp_path, NIGHT)).fingerprint
    assert read_timetable(written(tmp_path, NIGHT)).fingerprint == one
    assert read_timetable(written(tmp_path, NIGHT.replace("07:00", "07:01"))).fingerprint != one


def test_the_real_timetable_has_the_counts_that_it_should_have() -> None:
    timetable = read_timetable(real_file("RINGFOLD_TIMETABLE"))
    trains = timetable.trains
    stops = [len(of_train) for of_train in trains.values()]
    assert len(trains) == 5_505
    assert sum(stops) == 57_289
    assert len(timetable.stations()) == 2_866
    assert sum(n - 1 for n in stops) == 51_784
    assert sum(n * (n - 1) // 2 for n in stops) == 445_635
    assert (min(stops), median(stops), max(stops)) == (2, 8, 61)
    assert round(sum(stops) / len(stops), 2) == 10.41
    assert len(trains["6245"]) == 61
    letters = Count(train[0] if train[0].isalpha() else "digits" for train in trains)
    assert letters == {"K": 1425, "G": 1348, "D": 1121, "C": 689, "digits": 424, "Z": 239, "T": 233, "Y": 26}
    midnights = Count(of_train[-1].arrive // DAY for of_train in trains.values())
    assert midnights == {0: 4141, 1: 1112, 2: 244, 3: 8}
    assert all(problem_with_stops(timetable.stop_list(train) or []) == "" for train in trains)


def test_g71_of_the_real_timetable_is_as_known() -> None:
    timetable = read_timetable(real_file("RINGFOLD_TIMETABLE"))
    stops = timetable.trains["G71"]
    names = [stop.station for stop in stops]
    assert (len(stops), names[0], names[-1]) == (18, "北京西", "深圳北")
    assert (stops[0].depart, stops[-1].arrive) == (7 * 60 + 40, 17 * 60 + 53)
    assert fare_of(timetable, "G71", "O", 0, 17) == 93_650
    assert fare_of(timetable, "G71", "O", names.index("武汉"), names.index("长沙南")) == 12_850


def test_the_built_in_timetable_is_a_timetable() -> None:
    timetable = built_in_timetable()
    assert len(timetable.trains) == 2 * sum(line.trains for line in LINES)
    assert [t for t in timetable.trains if problem_with_stops(timetable.stop_list(t) or [])] == []
    for train, stops in timetable.trains.items():
        assert all(a.depart < b.arrive for a, b in pairwise(stops)), train
        fares = [stop.fares[0] for stop in stops]
        assert fares == sorted(fares, key=lambda fare: fare or 0), train


def test_the_built_in_timetable_is_the_same_everywhere() -> None:
    assert built_in_timetable().fingerprint == built_in_timetable().fingerprint == "4b02beaf71bc11f5"


def test_a_built_in_line_runs_both_ways_through_its_stations_in_order() -> None:
    trains = built_in_timetable().trains
    out = [stop.station for stop in trains["G7"]]
    back = [stop.station for stop in trains["G8"]]
    assert (len(out), out[0], out[-1]) == (23, "北京南", "上海虹桥")
    assert back == out[::-1]
