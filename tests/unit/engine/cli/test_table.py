"""A table as far as a line has room."""

from engine.cli.table import aligned, fitting
from engine.cli.top import HEADINGS, SPARE

TABLE = [("process", "state", "pid", "lag", "cpu"), ("core-0", "running", "12345", "7", "99%")]


def test_where_there_is_room_nothing_is_left_out() -> None:
    width = len(aligned(TABLE)[1])
    assert fitting(TABLE, width, ("pid", "state")) == TABLE


def test_columns_go_in_the_order_in_which_they_can_be_spared() -> None:
    width = len(aligned(TABLE)[1])
    assert fitting(TABLE, width - 1, ("pid", "state"))[0] == ("process", "state", "lag", "cpu")
    assert fitting(TABLE, 1, ("pid", "state"))[0] == ("process", "lag", "cpu")


def test_top_never_goes_without_what_it_is_looked_at_for() -> None:
    assert set(HEADINGS) - set(SPARE) == {"process", "lag", "lag_s", "cpu"}
    assert SPARE[:2] == ("pid", "state")
