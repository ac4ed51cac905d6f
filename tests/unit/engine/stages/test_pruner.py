"""Up to where the journal may go, and what is believed of the note."""

from pathlib import Path

import pytest

from engine.snapshots.needed import read_needed, write_needed
from engine.stages.pruner import prunable


@pytest.mark.parametrize(
    ("needed", "last", "upto"),
    [
        ([0], [50], 0),
        ([40], [50], 40),
        ([50], [50], 60),
        ([40, 30], [50, 45], 30),
        ([40, 30], [50, 30], 40),
        ([50, 30], [50, 30], 60),
        ([40, 0], [50, 0], 40),
    ],
)
def test_a_partition_holds_back_what_came_after_its_older_snapshot(
    needed: list[int], last: list[int], upto: int
) -> None:
    assert prunable(needed, last, 60) == upto


def test_a_note_that_cannot_be_read_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "snapshots" / "needed.json"
    assert read_needed(path, 2) == [0, 0]
    write_needed(path, [5, 7])
    assert read_needed(path, 2) == [5, 7]
    assert read_needed(path, 4) == [0, 0, 0, 0]
    for text in ("", "{", "[]", '{"sequences": 5}', '{"sequences": ["5", 7]}', '{"sequences": [true, 7]}'):
        path.write_text(text)
        assert read_needed(path, 2) == [0, 0]
