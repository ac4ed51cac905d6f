"""Times for people."""

import pytest

from engine.cli.time_text import time_text


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01 00:00:00.000Z"),
        (1_764_000_000_999_999_999, "2025-11-24 16:00:00.999Z"),
        (-1, "1969-12-31 23:59:59.999Z"),
    ],
)
def test_a_time_is_told_to_the_millisecond_and_never_rounded_up(time_ns: int, text: str) -> None:
    assert time_text(time_ns) == text
