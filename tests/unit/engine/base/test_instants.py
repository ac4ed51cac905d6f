"""Instants: from nanoseconds to datetimes and back, never later than what they stand for."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Commit, Stamp
from engine.base.instants import duration_ns, instant, nanoseconds

MICROSECOND = 1_000


@given(st.integers(0, 1 << 63))
def test_an_instant_is_cut_off_to_the_microsecond(time_ns: int) -> None:
    assert nanoseconds(instant(time_ns)) == time_ns // MICROSECOND * MICROSECOND


def test_stamps_and_commits_tell_the_time_in_utc() -> None:
    expected = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    time_ns = 1_767_323_045_678_901_999
    assert Stamp(time_ns, 1).now == expected
    assert Commit("a", 1, "", 1, time_ns, []).time == expected
    assert Stamp(time_ns, 1).now.tzinfo is UTC


def test_a_datetime_of_another_zone_is_the_same_instant() -> None:
    there = datetime(2026, 1, 2, 11, 4, tzinfo=timezone(timedelta(hours=8)))
    assert instant(nanoseconds(there)) == there


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone; write datetime"):
        nanoseconds(datetime(2026, 1, 1))


def test_a_duration_is_exact() -> None:
    assert duration_ns(timedelta(days=10_000, microseconds=1)) == 864_000_000_000_001_000
