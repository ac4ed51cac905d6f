"""A subscriber that knows the data directories of several nodes reads on in one that has more."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import ConfigError, Subscriber
from engine.reading import copies
from tests.unit.engine.reading.test_subscriber import Told, all_of, fill, texts, told
from tests.unit.engine.reading.writing import Store, storing


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "LOOK_S", 0.01)
    monkeypatch.setattr(copies, "LAG_S", 0.05)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store that goes on, with seven messages, and beside it a copy that stays as it is."""
    with storing(tmp_path / "live", 2) as store:
        fill(store)
        shutil.copytree(tmp_path / "live", tmp_path / "dead")
        yield store


def subscriber(tmp_path: Path, *names: str) -> Subscriber:
    return Subscriber([tmp_path / name for name in names], "mail", [Told], folder=tmp_path / "cursors")


def test_it_reads_on_in_another_copy_without_loss_or_repeat(tmp_path: Path, store: Store) -> None:
    with subscriber(tmp_path, "dead", "live") as reader:
        first = all_of(reader)
        assert sorted(texts(first)) == list("1234567")
        assert reader.positions == [6, 3]
        reader.ack(*(one for one in first if one.partition == 1))
        store.put((1, "b", told("8")), (0, "a", told("9")))
        assert sorted(texts(reader.take(10) + reader.take(0))) == list("89")
        assert reader.take(0) == []
    with subscriber(tmp_path, "dead", "live") as reader:
        assert sorted(texts(all_of(reader))) == list("1346789"), "what was not acknowledged comes again"


def test_a_copy_that_is_behind_is_waited_for(tmp_path: Path, store: Store) -> None:
    store.put((0, "a", told("8")))
    with subscriber(tmp_path, "live", "dead") as reader:
        assert len(all_of(reader)) == 8
        reader.ack()
    with subscriber(tmp_path, "dead") as reader:
        assert reader.take(0.1) == []
    with subscriber(tmp_path, "dead", "live") as reader:
        store.put((0, "a", told("9")))
        assert texts(reader.take(10)) == ["9"]


def test_a_directory_that_is_not_there_yet_is_looked_for_again(tmp_path: Path, store: Store) -> None:
    (tmp_path / "live").rename(tmp_path / "later")
    with subscriber(tmp_path, "live", "dead") as reader:
        assert len(all_of(reader)) == 7
        (tmp_path / "later").rename(tmp_path / "live")
        store.put((0, "a", told("8")))
        assert texts(reader.take(10)) == ["8"]
    with pytest.raises(ConfigError, match="no data directory"):
        subscriber(tmp_path, "nowhere", "neither")


def test_directories_of_two_logs_are_refused(tmp_path: Path, store: Store) -> None:
    with storing(tmp_path / "strange", 2), pytest.raises(ConfigError, match="not of one cluster"):
        subscriber(tmp_path, "live", "strange")


def test_the_cursor_is_kept_apart_from_the_nodes(tmp_path: Path, store: Store) -> None:
    with pytest.raises(ConfigError, match="a folder of its own"):
        Subscriber([tmp_path / "live", tmp_path / "dead"], "mail", [Told])
