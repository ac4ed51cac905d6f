"""Pages of the event log: nothing is missing, nothing comes twice, and no page costs too much."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.reading import page as pages
from engine.reading.lines import sequence_of
from engine.reading.page import Page, read_page
from engine.reading.stores import Stores
from engine.reading.tail import StoredEntry
from engine.store import Types
from engine.store.entries import aggregate_and_version
from tests.unit.engine.reading.test_event_log import added
from tests.unit.engine.reading.writing import storing

RARE = [{"type": "sample.rare"}]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    """Two partitions: 40 commands on `a` and `b`, each seventh of another type."""
    with storing(tmp_path / "data", 2) as store:
        for n in range(1, 21):
            store.put((0, "a", RARE if n % 7 == 0 else added(n)), (1, "b", added(-n)))
        stores = Stores(tmp_path / "data")
        yield stores
        stores.close()


def all_pages(
    stores: Stores, limit: int, *, types: Types | None = None, aggregate: str | None = None
) -> Iterator[Page]:
    after = [0] * stores.partitions
    while True:
        page = read_page(stores, after, limit=limit, types=types, aggregate=aggregate)
        yield page
        if not page.more:
            return
        after = page.after


def places(pages: Iterator[Page]) -> list[StoredEntry]:
    return [place for page in pages for place in page.entries]


@pytest.mark.parametrize("limit", [1, 3, 40, 1000])
def test_page_after_page_is_the_log_in_the_order_in_which_commands_were_taken(
    stores: Stores, limit: int
) -> None:
    found = places(all_pages(stores, limit))
    assert [sequence_of(place) for place in found] == list(range(1, 41))


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_types_are_chosen_over_pages(stores: Stores, limit: int) -> None:
    found = places(all_pages(stores, limit, types=Types(["sample.rare"])))
    assert [(partition, position) for partition, position, _ in found] == [(0, 7), (0, 14)]


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_an_aggregate_is_found_by_its_index_from_any_position_on(tmp_path: Path, limit: int) -> None:
    with storing(tmp_path / "data") as store:
        for n in range(1, 12):
            store.put((0, "a", added(n)), (0, "b", added(n)), (0, "b", RARE if n == 5 else added(n)))
        stores = Stores(tmp_path / "data")
        found = places(all_pages(stores, limit, aggregate="b"))
        names = [aggregate_and_version(entry) for _, _, entry in found]
        assert names == [("b", version) for version in range(1, 23)]
        for after in range(34):
            some = read_page(stores, [after], aggregate="b", limit=limit)
            assert some.entries == [place for place in found if place[1] > after][:limit]
        (rare,) = places(all_pages(stores, limit, aggregate="b", types=Types(["sample.rare"])))
        assert rare[1] == 15
        assert read_page(stores, [0], aggregate="nobody", limit=limit) == Page([], [33], False)
        stores.close()


def test_a_page_that_looked_through_enough_ends_and_says_where(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_SCANNED", 2)  # so a page looks at one record of each
    every = list(all_pages(stores, 100, types=Types(["sample.rare"])))
    assert len(every) > 30
    assert [place[1] for place in places(iter(every))] == [7, 14]
    assert every[-1].after == [20, 20]


def test_a_page_holds_so_many_bytes_and_one_entry_at_least(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_BYTES", 1)
    every = list(all_pages(stores, 100))
    assert [len(page.entries) for page in every] == [1] * 40


def test_what_is_stored_later_is_on_the_next_page(tmp_path: Path) -> None:
    with storing(tmp_path / "data") as store:
        stores = Stores(tmp_path / "data")
        assert read_page(stores, [0], limit=10) == Page([], [0], False)
        store.put((0, "a", added(1)))
        first = read_page(stores, [0], limit=10)
        assert (len(first.entries), first.after, first.more) == (1, [1], False)
        store.put((0, "a", added(2)))
        assert [place[1] for place in read_page(stores, first.after, limit=10).entries] == [2]
        assert read_page(stores, [9], limit=10) == Page([], [9], False)
        stores.close()
