"""The list of commands that cannot be stored."""

from pathlib import Path

import pytest

from engine.base.errors import CorruptData
from engine.journal.refused import add_refused, read_refused


def test_where_there_is_no_list_nothing_is_refused(tmp_path: Path) -> None:
    assert read_refused(tmp_path / "refused") == {}


def test_commands_are_added_in_any_order_and_the_last_reason_counts(tmp_path: Path) -> None:
    path = tmp_path / "refused"
    for sequence, why in ((7, "b"), (3, "a"), (7, "c")):
        add_refused(path, sequence, why)
    assert read_refused(path) == {3: "a", 7: "c"}


def test_a_damaged_list_is_named(tmp_path: Path) -> None:
    path = tmp_path / "refused"
    path.write_text('{"commands":[[3')
    with pytest.raises(CorruptData, match="refused commands is damaged"):
        read_refused(path)
