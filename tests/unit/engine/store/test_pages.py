"""Whatever LMDB writes is found whole, and whatever is cut or flipped in it is found, or makes no difference.

What is found whole is read through LMDB afterwards, so that a page that should have been refused would end
this process."""

import random
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest

from engine.base.errors import CorruptData
from engine.store import View
from engine.store.pages import Examined, examine, expect_whole

MAP = 64 << 20
PAGE = 4096
FLIPS = 300

Content = list[tuple[bytes, bytes]]
MORE: Content = [(b"more %d" % number, bytes(900 * number)) for number in range(40)]


def view_of(path: Path, seed: int, saves: int) -> View:
    """A view that has grown and shrunk, with values on pages of their own."""
    chance, view, keys = random.Random(seed), View(path, MAP, 1), set[bytes]()
    for n in range(saves):
        added = [chance.randbytes(chance.choice((4, 8, 60))) for _ in range(chance.choice((1, 5, 90)))]
        removed = chance.sample(sorted(keys), int(len(keys) * chance.choice((0, 0.1, 0.9))))
        keys = (keys | set(added)) - set(removed)
        values = {key: chance.randbytes(chance.choice((0, 8, 500, 2500, 9000))) for key in added}
        view.save([*values.items(), *((key, None) for key in removed)], [n])
    return view


def content_of(path: Path, more: Content | None = None) -> tuple[Content, list[int]]:
    """All that a view has, as it would be loaded. `more`: what is added before."""
    view = View(path, MAP, 1)
    try:
        if more:
            view.save(more, [1000])
        return list(view.items()), view.positions
    finally:
        view.close()


@pytest.mark.parametrize("seed", range(6))
def test_what_lmdb_has_written_is_whole_with_all_of_its_entries(tmp_path: Path, seed: int) -> None:
    view = view_of(tmp_path / "view", seed, 30)
    content = list(view.items())
    found = examine(tmp_path / "view")
    assert found.whole
    assert found.tables == {"dead-letters": 0, "items": len(content), "meta": 1}
    view.close()


def test_a_file_that_ends_before_its_last_page_is_whole_if_what_is_missing_is_free(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.mkdir()
    with lmdb.open(str(path), map_size=MAP, max_dbs=1) as env:
        table = env.open_db(b"items")
        for kept, size, count in ((5, 100, 5), (0, 0, 5), (1, 9000, 50)):
            with env.begin(write=True) as txn:
                for number in range(count):
                    txn.put(b"%d" % number, bytes(size), db=table)
                for number in range(kept, count):
                    txn.delete(b"%d" % number, db=table)
        assert (path / "data.mdb").stat().st_size < PAGE * env.info()["last_pgno"]
    expect_whole(path)
    assert examine(path).whole


def test_a_folder_without_a_file_and_an_empty_file_are_whole(tmp_path: Path) -> None:
    expect_whole(tmp_path)
    (tmp_path / "data.mdb").touch()
    expect_whole(tmp_path)
    assert examine(tmp_path) == Examined(0, True, {})


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, tuple[Content, list[int]]]:
    path = tmp_path_factory.mktemp("sound") / "view"
    view_of(path, 7, 25).close()
    return (path / "data.mdb").read_bytes(), content_of(path)


def borders(size: int) -> Iterator[int]:
    for border in range(0, size, PAGE):
        yield from {max(0, border - 1), border, border + 1}


def test_a_file_that_was_cut_is_refused_before_its_map_is_touched(
    tmp_path: Path, sound: tuple[bytes, tuple[Content, list[int]]]
) -> None:
    whole, content = sound
    refused = 0
    for size in borders(len(whole)):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / "data.mdb").write_bytes(whole[:size])
        try:
            expect_whole(folder)
        except CorruptData as error:
            refused += error.facts["path"] == folder / "data.mdb" and "page" in error.facts
        else:
            assert size == 0 or content_of(folder) == content, "what was cut was free"
    assert refused > 2 * len(whole) / PAGE


def test_any_flipped_bit_is_refused_by_its_place_or_makes_no_difference(
    tmp_path: Path, sound: tuple[bytes, tuple[Content, list[int]]]
) -> None:
    whole, content = sound
    chance, refused = random.Random(12306), 0
    heads = [chance.randrange(2 * PAGE) % 160 + PAGE * (n % 2) for n in range(60)]
    headers = [PAGE * chance.randrange(len(whole) // PAGE) + chance.randrange(64) for _ in range(60)]
    others = [chance.randrange(len(whole)) for _ in range(FLIPS - 120)]
    for n, at in enumerate([*heads, *headers, *others]):
        folder = tmp_path / str(n)
        folder.mkdir()
        flipped = bytes([whole[at] ^ (1 << chance.randrange(8))])
        (folder / "data.mdb").write_bytes(whole[:at] + flipped + whole[at + 1 :])
        try:
            assert content_of(folder) == content, f"byte {at}"
            assert content_of(folder, MORE) == (sorted(dict([*content[0], *MORE]).items()), [1000]), (
                f"byte {at}"
            )
        except CorruptData as error:
            refused += str(folder) in str(error)
    assert refused > FLIPS / 5
