"""Coach compositions: totals, the file, the rule from a train's letter, and what is printed on a ticket."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain_12306.reference.coaches import BUILT_IN, Compositions, problem_with, read_compositions, totals
from domain_12306.reference.plan import Plan
from domain_12306.seating.seats import Layout, coach_labels
from engine import ConfigError
from tests.unit.domain_12306.kit import real_file

TOTALS = {
    "CR400AF": {"9": 10, "M": 28, "O": 538},
    "CR400AF-A": {"9": 22, "M": 148, "O": 1_023},
    "CR400AF-B": {"9": 22, "M": 148, "O": 1_113},
    "CRH380A": {"9": 10, "M": 28, "O": 518},
    "CRH380BL": {"9": 28, "M": 186, "O": 791},
    "25G": {"1": 826, "3": 462, "4": 72},
}


@pytest.mark.parametrize("name", TOTALS)
def test_a_built_in_composition_has_the_seats_of_its_train_set(name: str) -> None:
    assert totals(BUILT_IN[name]) == TOTALS[name]
    assert problem_with(BUILT_IN[name]) == ""


def test_the_real_coaches_file_holds_the_same_train_sets() -> None:
    compositions = read_compositions(real_file("RINGFOLD_COACHES"))
    for name, seats in TOTALS.items():
        found = compositions.named(name)
        assert found is not None
        assert totals(found) == seats, name
    assert totals(compositions.named("CR200J") or []) == {"J": 396, "O": 244, "I": 280}


@pytest.mark.parametrize(
    ("train", "seats"), [("G71", 576), ("C2001", 576), ("D3101", 556), ("K471", 1360), ("6245", 1360)]
)
def test_the_letter_of_a_train_decides_its_composition(train: str, seats: int) -> None:
    coaches = Compositions().of_train(train)
    assert coaches is not None
    assert sum(totals(coaches).values()) == seats


def file_of(folder: Path, **change: Any) -> Path:
    models = [
        {"model": name, "coaches": [{"coach": 1, "seats": {"ZE": 9}}]}
        for name in ("CR400AF", "CRH380A", "25G")
    ]
    path = folder / "coaches.json"
    path.write_text(json.dumps({"models": models, "classes": {"ZE": "O 二等座"}} | change))
    return path


def test_a_file_needs_the_compositions_of_the_rule_table(tmp_path: Path) -> None:
    assert read_compositions(file_of(tmp_path)).of_train("G1") == [(1, "O", 9)]
    with pytest.raises(ConfigError, match="rule table"):
        read_compositions(file_of(tmp_path, models=[]))


@pytest.mark.parametrize(
    "model",
    [
        {"model": "x", "coaches": [{"coach": 1, "seats": {"ZE": 9}}], "totals": {"ZE": 8}},
        {"model": "x", "coaches": [{"coach": 1, "seats": {"??": 9}}]},
        {"model": "x", "coaches": []},
        {"model": "x", "coaches": [{"coach": 100, "seats": {"ZE": 9}}]},
    ],
)
def test_a_composition_that_does_not_add_up_is_refused_by_name(tmp_path: Path, model: Any) -> None:
    with pytest.raises(ConfigError, match="composition x"):
        read_compositions(file_of(tmp_path, models=[model]))


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("[]")
    for name in ("x", "nowhere"):
        with pytest.raises(ConfigError):
            read_compositions(tmp_path / name)


def test_second_class_has_no_e_and_business_no_b() -> None:
    labels = coach_labels([(5, "O", 7)], "O")
    assert labels == [f"05车{seat}号" for seat in ("01A", "01B", "01C", "01D", "01F", "02A", "02B")]
    assert coach_labels([(1, "9", 4)], "9") == ["01车01A号", "01车01C号", "01车01F号", "01车02A号"]
    assert coach_labels([(2, "M", 5)], "M")[3:] == ["02车01F号", "02车02A号"]


def test_rows_go_on_where_two_classes_share_a_coach() -> None:
    assert coach_labels([(1, "9", 5), (1, "M", 28)], "M")[0] == "01车03A号"


def test_berths_have_levels_and_hard_seats_running_numbers() -> None:
    assert coach_labels([(9, "3", 4)], "3") == [
        "09车01号上铺",
        "09车01号中铺",
        "09车01号下铺",
        "09车02号上铺",
    ]
    assert coach_labels([(16, "4", 3)], "4") == ["16车01号上铺", "16车01号下铺", "16车02号上铺"]
    assert coach_labels([(1, "1", 118)], "1")[-1] == "01车118号"


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_seat_of_a_train_has_a_label_of_its_own(name: str) -> None:
    coaches = tuple(BUILT_IN[name])
    plan = Plan((("a", 0, 0), ("b", 1, 1)), coaches)
    labels = [label for code in plan.codes for label in plan.labels(code)]
    assert len(set(labels)) == len(labels) == plan.seats


def test_neighbours_share_a_row_and_a_coach() -> None:
    layout = Layout([(1, "O", 7), (2, "O", 5)], "O")
    everything = (1 << 12) - 1
    starts = {seat for seat in range(12) if layout.together(everything, 4) >> seat & 1}
    assert starts == {0, 1, 7, 8}  # not 5: a row of two; not 6: the next seat is in another coach
    assert layout.coaches == [0b1111111, 0b11111 << 7]
    assert layout.together(everything & ~0b100, 3) >> 3 == layout.together(everything, 3) >> 3
    assert layout.together(everything & ~0b100, 3) & 0b111 == 0
