"""The audit log: lines that are only added."""

from pathlib import Path

import pytest

from engine import Fault
from engine.gateway.audit import Audit


def test_lines_come_in_their_order_and_one_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    Audit(path).note("ann", "view rebuild", "notes", "tried", source="10.0.0.7")
    Audit(path).note("ann", "view rebuild", 'notes\n{"forged":1}', "ok")
    with path.open("a") as file:
        file.write('{"time": "cut o')
    lines = list(Audit(path).lines())
    assert [line["outcome"] for line in lines] == ["tried", "ok"]
    assert (lines[0]["who"], lines[0]["from"]) == ("ann", "10.0.0.7")
    assert path.stat().st_mode & 0o777 == 0o600


def test_there_are_none_before_the_first(tmp_path: Path) -> None:
    assert list(Audit(tmp_path / "audit.jsonl").lines()) == []


def test_what_cannot_be_noted_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="the audit log cannot be written"):
        Audit(tmp_path / "no" / "audit.jsonl").note("a", "b", "c", "d")
