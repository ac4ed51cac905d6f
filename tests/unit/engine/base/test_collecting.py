"""The collector rests for a stretch of work, and goes on as it was."""

import gc

import pytest

from engine.base.collecting import uncollected


def fail() -> None:
    with uncollected():
        assert not gc.isenabled()
        raise KeyError


def test_it_rests_within_and_goes_on_after_an_error_too() -> None:
    with pytest.raises(KeyError):
        fail()
    assert gc.isenabled()


def test_where_it_rested_before_it_rests_afterwards() -> None:
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
