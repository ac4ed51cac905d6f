"""Fitting: an event that could not be read again after it was stored is told from one that can."""

import enum
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Event
from engine.model.fitting import fits_of, misfit


class Plain(Event, name="plain"):
    count: int
    word: str = ""
    maybe: bool | None = None
    share: float = 0.0
    any: Any = None


class Point(msgspec.Struct):
    x: int


class Rich(Event, name="rich"):
    point: Point
    words: list[str] = msgspec.field(default_factory=list)
    small: Annotated[int, msgspec.Meta(le=9)] = 0


class Colour(enum.Enum):
    RED = "red"


class Coloured(Event, name="coloured"):
    colour: Colour


class Bare(Event, name="bare"):
    pass


GOOD: list[Event] = [
    Plain(count=1),
    Plain(count=1 << 63, word="a", maybe=True, share=0.5, any=[1]),
    Plain(count=1, share=2),  # an integer is read as a number
    Rich(point=Point(1), words=["a"], small=9),
    Coloured(colour=Colour.RED),
    Bare(),
]
wrong: Any = "wrong"
number: Any = 5
nothing: Any = None
BAD = [
    Plain(count=wrong),
    Plain(count=True),
    Plain(count=nothing),
    Plain(count=1, word=number),
    Plain(count=1, maybe=wrong),
    Plain(count=1, share=float("nan")),
    Plain(count=1, share=float("inf")),
    Rich(point=Point(wrong)),
    Rich(point=Point(1), words=[number]),
    Rich(point=Point(1), small=10),
    Coloured(colour=wrong),
]


@pytest.mark.parametrize("event", GOOD, ids=repr)
def test_an_event_of_its_class_fits(event: Event) -> None:
    assert fits_of(type(event))(event)
    assert misfit(event) == ""


@pytest.mark.parametrize("event", BAD, ids=repr)
def test_an_event_that_could_not_be_read_does_not_fit(event: Event) -> None:
    assert not fits_of(type(event))(event)
    assert misfit(event)


integers = st.integers(-(1 << 63), 1 << 63)
values = st.none() | st.booleans() | integers | st.floats() | st.text("ab") | st.just([1])


@given(st.lists(values, min_size=5, max_size=5))
def test_whatever_the_values_it_fits_exactly_if_it_can_be_read_again(some: list[Any]) -> None:
    event = Plain(*some)
    assert fits_of(Plain)(event) == (misfit(event) == "")
