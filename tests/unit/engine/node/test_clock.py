"""The clock of a node."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.base.errors import ConfigError, CorruptData
from engine.base.instants import instant, nanoseconds
from engine.node.clock import Rate, SimulatedClock, SystemClock, clock_of, rate_of
from engine.node.data_directory import DataDirectory

START = datetime(2026, 11, 24, tzinfo=UTC)
START_NS = nanoseconds(START)
SECOND_NS = 1_000_000_000


def test_a_simulated_clock_begins_at_its_start_and_goes_as_fast_as_its_factor_says(tmp_path: Path) -> None:
    system = [7 * SECOND_NS]
    clock = SimulatedClock(Rate(START_NS, 60), system[0], tmp_path / "note", lambda: system[0])
    assert clock.now_ns() == START_NS
    system[0] += 2 * SECOND_NS
    assert clock.now_ns() == START_NS + 120 * SECOND_NS
    system[0] = 0  # the system's clock was set back
    assert clock.now_ns() == START_NS


def test_without_a_factor_it_stands_still_until_it_is_moved(tmp_path: Path) -> None:
    clock = clock_of("simulated:2026-11-24T08:00+08:00", 1, tmp_path / "note")
    assert isinstance(clock, SimulatedClock)
    assert clock.now_ns() == clock.now_ns() == START_NS
    clock.move(timedelta(hours=48))
    assert clock.now_ns() == START_NS + 48 * 3600 * SECOND_NS
    with pytest.raises(ValueError, match="forward"):
        clock.move(timedelta(seconds=-1))


def test_what_one_process_moves_every_other_one_sees_and_a_later_one_too(tmp_path: Path) -> None:
    one, other = (clock_of("simulated:2026-11-24T00:00Z", 1, tmp_path / "note") for _ in "ab")
    assert isinstance(one, SimulatedClock)
    for seconds in (1, 2):
        one.move(timedelta(minutes=1))
        assert other.now_ns() == one.now_ns() == START_NS + seconds * 60 * SECOND_NS
    later = clock_of("simulated:2026-11-24T00:00Z", 1, tmp_path / "note")
    assert later.now_ns() == one.now_ns()


def test_it_is_not_moved_to_where_it_would_not_come_back_from_and_stops_before(tmp_path: Path) -> None:
    system = [0]
    clock = SimulatedClock(Rate(START_NS, 999_999), 0, tmp_path / "note", lambda: system[0])
    for span in (timedelta.max, timedelta(days=173 * 366)):
        with pytest.raises(ConfigError, match=r"before 2200 .*shows=2026-11-24"):
            clock.move(span)
    assert clock.now_ns() == START_NS
    clock.move(timedelta(days=173 * 365))
    system[0] = 10**6 * SECOND_NS
    assert instant(clock.now_ns()) == datetime(2200, 1, 1, tzinfo=UTC)


def test_a_damaged_note_is_named(tmp_path: Path) -> None:
    clock = clock_of("simulated:2026-11-24T00:00Z", 1, tmp_path / "note")
    assert isinstance(clock, SimulatedClock)
    clock.move(timedelta(minutes=1))
    note = bytearray((tmp_path / "note").read_bytes())
    note[4] ^= 1
    (tmp_path / "note").write_bytes(note)
    os.utime(tmp_path / "note", ns=(1, 1))
    with pytest.raises(CorruptData, match="clock's note is damaged"):
        clock.now_ns()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "simulated",
        "simulated:",
        "simulated:yesterday",
        "simulated:2026-11-24T08:00",  # in which zone
        "simulated:2026-11-24T08:00Z x-1",
        "simulated:2026-11-24T08:00Z x1.5",
        "simulated:9999-12-31T23:59Z",
        "system x60",
    ],
)
def test_what_is_not_a_clock_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="this is not a clock"):
        rate_of(text)


def test_the_clock_of_a_data_directory_is_fixed_when_it_is_made(tmp_path: Path) -> None:
    made = DataDirectory(tmp_path)
    made.open("notes", "", 1, given=False, clock="simulated:2026-11-24T00:00Z x60")
    for asked in (None, "simulated:2026-11-24T00:00Z x60"):
        again = DataDirectory(tmp_path)
        again.open("notes", "", 1, given=False, clock=asked)
        assert isinstance(again.clock, SimulatedClock)
    with pytest.raises(ConfigError, match="the clock cannot be changed"):
        DataDirectory(tmp_path).open("notes", "", 1, given=False, clock="system")


def test_without_the_setting_it_is_the_systems(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.open("notes", "", 1, given=False)
    assert isinstance(data.clock, SystemClock)
