"""A view's items and positions are written together."""

from pathlib import Path

import pytest

from engine.base.errors import NoSpace
from engine.store import View


def test_items_and_positions_survive_reopening_together(tmp_path: Path) -> None:
    view = View(tmp_path / "view", 1 << 20, partitions=2)
    assert view.positions == [0, 0]
    view.save([(b"b", b"2"), (b"a", b"1")], [7, 9])
    view.save([(b"b", None), (b"c", b"3")], [8, 9])
    view.close()
    again = View(tmp_path / "view", 1 << 20, partitions=2)
    assert again.positions == [8, 9]
    assert list(again.items()) == [(b"a", b"1"), (b"c", b"3")]


def test_a_failed_save_keeps_neither_items_nor_positions(tmp_path: Path) -> None:
    view = View(tmp_path / "view", 128 << 10, partitions=1)
    view.save([(b"a", b"1")], [1])
    with pytest.raises(NoSpace):
        view.save([(b"a", b"2"), (b"big", b"x" * 300_000)], [2])
    assert view.positions == [1]
    assert list(view.items()) == [(b"a", b"1")]
