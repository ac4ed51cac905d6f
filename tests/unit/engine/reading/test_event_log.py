"""The event log, read past and followed live."""

import threading
from pathlib import Path
from typing import Any

import pytest

from engine import ConfigError, EventLog
from engine.base.identity import NO_INDEX_KEY, uuid7_hex
from engine.model.commit import Commit
from engine.node.data_directory import DataDirectory
from engine.reading.history import aggregate_at
from engine.reading.stores import lend
from engine.store import Reader, Writer
from tests.unit.engine.cli.sample import Added, create
from tests.unit.engine.reading.writing import MAP, storing
from tests.unit.engine.store.batches import batch_of


def added(number: int) -> list[dict[str, Any]]:
    return [{"type": "sample.added", "number": number}]


def test_the_past_is_read_in_the_order_in_which_the_commands_were_taken(tmp_path: Path) -> None:
    with storing(tmp_path / "data", 2) as store, EventLog(tmp_path / "data") as log:
        for n in range(1, 21):
            store.put((n % 2, f"a{n % 2}", added(n)), (n * 7 % 2, "b", added(-n)))
        found = list(log.read())
        assert [entry.commit.sequence for entry in found] == list(range(1, 41))
        for partition in range(2):
            positions = [entry.position for entry in found if entry.partition == partition]
            assert positions == list(range(1, log.positions()[partition] + 1))
        behind = list(log.read([3, 18], upto=[5, 19]))
        assert sorted((entry.partition, entry.position) for entry in behind) == [(0, 4), (0, 5), (1, 19)]


def test_an_empty_log_has_no_past_and_may_begin_later(tmp_path: Path) -> None:
    with log_of_nothing(tmp_path) as log:
        assert log.positions() == [0]
        assert list(log.read()) == []
        assert list(log.aggregate("a")) == []
        assert list(log.follow(idle_s=0)) == []
        with storing(tmp_path / "data") as store:
            store.put((0, "a", added(1)))
            assert [entry.position for entry in log.read()] == [1]


def log_of_nothing(tmp_path: Path) -> EventLog:
    with storing(tmp_path / "data"):
        pass
    for path in (tmp_path / "data").glob("store-*/*"):
        path.unlink()
    return EventLog(tmp_path / "data")


def test_following_gives_past_and_future_without_a_gap_or_a_repeat(tmp_path: Path) -> None:
    with storing(tmp_path / "data", 2) as store, EventLog(tmp_path / "data") as log:
        store.put(*((n % 2, "a", added(n)) for n in range(10)))

        def more() -> None:
            for n in range(10, 60):
                store.put((n % 2, "a", added(n)), ((n + 1) % 2, "b", [{"type": "other"}]))

        writer = threading.Thread(target=more)
        follower = log.follow(idle_s=10)
        found = [next(follower) for _ in range(10)]
        writer.start()
        found += [next(follower) for _ in range(100)]
        writer.join()
        for partition in range(2):
            positions = [entry.position for entry in found if entry.partition == partition]
            assert positions == list(range(1, 56))
        assert list(log.follow(log.positions(), idle_s=0)) == []


def test_following_from_a_position_and_by_type(tmp_path: Path) -> None:
    with storing(tmp_path / "data") as store, EventLog(tmp_path / "data") as log:
        store.put(*((0, "a", added(n) if n % 3 else [{"type": "other"}]) for n in range(1, 31)))
        found = list(log.follow([12], types=["other"], idle_s=0))
        assert [entry.position for entry in found] == [15, 18, 21, 24, 27, 30]
        assert list(log.read(types=["other"], after=[12])) == found


def test_an_aggregate_is_read_forward_and_back(tmp_path: Path) -> None:
    with storing(tmp_path / "data") as store, EventLog(tmp_path / "data") as log:
        store.put(*((0, "ab"[n % 2], added(n)) for n in range(10)))
        versions = [entry.commit.version for entry in log.aggregate("a", after_version=2)]
        assert versions == [3, 4, 5]
        assert [entry.commit.version for entry in log.aggregate_back("a", 4)] == [3, 2, 1]


def test_with_the_application_events_come_typed_and_an_aggregate_as_it_was(tmp_path: Path) -> None:
    app = create({})
    with storing(tmp_path / "data") as store, EventLog(tmp_path / "data", app) as log:
        store.put(*((0, "a", added(n)) for n in range(1, 5)))
        assert [entry.commit.events for entry in log.read()] == [[Added(number=n)] for n in range(1, 5)]
        for version, total in ((1, 1), (3, 6), (None, 10)):
            found = aggregate_at(log, app, "a", version)
            assert found is not None
            assert found[0].save_state() == {"total": total}
            assert found[1].position == found[0].version == (version or 4)
        assert aggregate_at(log, app, "a", 5) is None
        assert aggregate_at(log, app, "b") is None


def test_two_readers_in_one_process_share_what_they_may_open_once(tmp_path: Path) -> None:
    with storing(tmp_path / "data") as store, EventLog(tmp_path / "data") as first:
        store.put((0, "a", added(1)))
        with EventLog(tmp_path / "data") as second:
            assert list(first.read()) == list(second.read())
        assert len(list(first.read())) == 1  # the other one's end is not the end of this one


def test_what_is_not_a_data_directory_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a data directory"):
        EventLog(tmp_path)


def test_positions_must_be_given_for_each_partition(tmp_path: Path) -> None:
    with (
        storing(tmp_path / "data", 2),
        EventLog(tmp_path / "data") as log,
        pytest.raises(ConfigError, match="one position for each partition"),
    ):
        list(log.read([1]))


def test_the_process_that_writes_may_lend_its_stores_to_readers(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.open("sample", "", 1, given=False)
    writer = Writer(data.store(0), MAP, index_key=NO_INDEX_KEY)
    with lend(Reader.beside(writer)):
        log = EventLog(tmp_path)
        for n in (1, 2):
            commit = Commit("a", n, uuid7_hex(), n, 1000 + n, added(n))
            writer.commit([batch_of([commit], first_position=n, last_sequence=n)])
            assert [entry.commit.version for entry in log.follow([n - 1], idle_s=0)] == [n]
        with EventLog(tmp_path) as other:
            assert other.positions() == [2]
        log.close()
        assert writer.find_command(commit.command) is not None  # still open
        kept = EventLog(tmp_path)
        assert kept.positions() == [2]
    writer.close()
    writer = Writer(data.store(0), MAP, index_key=NO_INDEX_KEY)
    with lend(Reader.beside(writer)), kept:
        assert kept.positions() == [2]  # by the new one
    writer.close()
    with EventLog(tmp_path) as alone:
        assert alone.positions() == [2]
