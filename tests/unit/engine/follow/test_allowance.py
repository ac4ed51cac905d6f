"""A `save` that does not end is ended before it takes much memory; one that ends is not hindered."""

import itertools
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from engine.base.errors import ConfigError
from engine.follow import allowance
from engine.follow.allowance import ALWAYS_BYTES, ITEM_BYTES, Allowance
from tests.unit.engine.follow.kit import Following, InAttributes, Log

Items = Iterable[tuple[bytes, bytes | None]]
MOST_GROWTH = 50 << 20


class Endless(InAttributes):
    """It begins again with each that it has given."""

    def save(self) -> Items:
        return endless(100)


def endless(size: int) -> Iterator[tuple[bytes, bytes]]:
    return ((number.to_bytes(8, "big"), bytes(size)) for number in itertools.count())


@pytest.mark.parametrize(
    "items",
    [
        endless(0),
        endless(100),
        endless(1 << 20),
        itertools.repeat((b"same", b"")),
        itertools.repeat((b"gone", None)),
    ],
    ids=["small", "some", "large", "the same", "removed"],
)
def test_what_never_ends_is_ended_before_it_takes_much(items: Items) -> None:
    allowed, kept = Allowance(), dict[bytes, bytes | None]()
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match="`save` of view sums gives more than the view holds"):
            kept.update(allowed.within(items, "sums"))
        assert tracemalloc.get_traced_memory()[1] < MOST_GROWTH
    finally:
        tracemalloc.stop()


def test_a_view_may_give_twice_the_memory_that_it_has_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = iter([10 << 20, 110 << 20, 110 << 20])
    monkeypatch.setattr(allowance, "own_bytes_now", lambda: next(taken))
    allowed, size = Allowance(), 1 << 20
    most = (ALWAYS_BYTES + 2 * (100 << 20)) // (size + ITEM_BYTES + 8)
    assert len(list(itertools.islice(allowed.within(endless(size), "sums"), most))) == most
    with pytest.raises(ConfigError, match=f"items={most + 1}"):
        list(allowed.within(endless(size), "sums"))


def test_where_the_system_does_not_tell_nothing_is_hindered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "own_bytes_now", lambda: None)
    items = itertools.islice(endless(1 << 20), 100)
    assert sum(1 for _ in Allowance().within(items, "sums")) == 100


def test_a_fold_ends_with_it_and_keeps_what_was_saved_before(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.append("a")
    view = Following(log, tmp_path, Endless)
    view.fold.poll()
    with pytest.raises(ConfigError, match="view sums"):
        view.fold.save()
    assert view.fold.view.positions == [0]
    view.fold.close()
