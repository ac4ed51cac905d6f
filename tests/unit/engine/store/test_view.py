"""A view's items and positions are written together."""

from pathlib import Path

import lmdb
import pytest

from engine.base.errors import ConfigError, CorruptData, NoSpace
from engine.base.files import remove_all
from engine.store import View
from engine.store.views import count_items


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


@pytest.mark.parametrize("table", ["items", "dead-letters", "meta"])
def test_a_flipped_bit_in_a_view_is_named(tmp_path: Path, table: str) -> None:
    path = tmp_path / "view"
    view = View(path, 1 << 20, partitions=1)
    view.save([(b"key", b"value")], [1], [(b"letter", b"text")])
    view.close()
    with lmdb.open(str(path), map_size=1 << 20, max_dbs=3) as env:
        rows = env.open_db(table.encode(), create=False)
        with env.begin(write=True) as txn:
            key, value = next(iter(txn.cursor(rows)))
            txn.put(key, value[:-1] + bytes([value[-1] ^ 1]), db=rows)
    with pytest.raises(CorruptData, match=f"checksum.*path={path}, table={table}"):
        read_all(path)


def read_all(path: Path) -> None:
    """Reads everything in a view's folder."""
    view = View(path, 1 << 20, partitions=1)
    list(view.items())
    view.dead_letters()


@pytest.mark.parametrize("name", ["", "data.mdb", "lock.mdb"])
@pytest.mark.parametrize("instead", ["folder", "link"])
def test_something_else_in_the_place_of_a_file_is_damage_and_no_link_to_nothing_is_followed(
    tmp_path: Path, name: str, instead: str
) -> None:
    View(tmp_path / "view", 1 << 20, partitions=1).close()
    place = tmp_path / "view" / name
    remove_all(place)
    if instead == "link":
        place.symlink_to(tmp_path / "nothing")
    elif name:
        place.mkdir()
    else:
        place.touch()
    text = f"replaced by something else .path={place}"
    with pytest.raises(CorruptData, match=text):
        View(tmp_path / "view", 1 << 20, partitions=1)
    with pytest.raises(CorruptData, match=text):
        count_items(tmp_path / "view")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("key", [b"", b"k" * 512])
def test_a_key_that_no_table_takes_is_named_and_nothing_is_written(tmp_path: Path, key: bytes) -> None:
    view = View(tmp_path / "view", 1 << 20, partitions=1)
    with pytest.raises(ConfigError, match=f"1 to 511 bytes .*bytes={len(key)}"):
        view.save([(b"a", b"1"), (key, b"2")], [7])
    assert list(view.items()) == []
    assert view.positions == [0]
