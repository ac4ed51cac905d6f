"""Fitting: an event that would not come back as it was after it was stored is told from one that would."""

import datetime
import decimal
import enum
import functools
import math
import types
import uuid
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, inspect

from engine import Event
from engine.model.fitting import fits_of, misfit
from engine.model.rereading import MOST_LEVELS


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Right(enum.IntFlag):
    READ = 1
    WRITE = 2


class Point(msgspec.Struct, tag="point"):
    x: int
    label: str = "here"


class Line(msgspec.Struct, tag="line"):
    ends: list[Point]


class Tree(msgspec.Struct):
    left: "Tree | None" = None


class Careful(msgspec.Struct):
    n: int

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ValueError("below zero")


KINDS: list[Any] = [
    int,
    str,
    bool,
    float,
    bytes,
    Any,
    None,
    int | None,
    int | float,
    int | str | None,
    Annotated[int, Meta(ge=-2, lt=3)],
    Annotated[int, Meta(multiple_of=2)],
    Annotated[float, Meta(gt=0, le=1)],
    Annotated[float, Meta(multiple_of=0.5)],
    Annotated[str, Meta(min_length=1, max_length=2)],
    Annotated[str, Meta(pattern="^a")],
    Annotated[str, Meta(description="a text")],
    Annotated[bytes, Meta(max_length=1)],
    Annotated[int, Meta(le=3)] | None,
    Literal["a", "b"],
    Literal[1, "a", None],
    Colour,
    Colour | None,
    Right,
    list[int],
    list[Any],
    list[str] | None,
    Annotated[list[int], Meta(min_length=1, max_length=2)],
    list[tuple[int, str]],
    tuple[int, ...],
    tuple[()],
    tuple[Annotated[int, Meta(ge=0)], list[int]],
    set[int],
    set[float],
    frozenset[str],
    dict[str, int],
    dict[int, int],
    dict[Annotated[str, Meta(max_length=1)], list[int]],
    Annotated[dict[str, Any], Meta(max_length=1)],
    Point,
    Point | None,
    Point | Line,
    Point | Line | list[int] | int | None,
    Tree,
    Careful,
    uuid.UUID,
    decimal.Decimal,
    datetime.datetime,
    datetime.date,
    datetime.timedelta,
    datetime.datetime | None,
    msgspec.Raw,
]
"""Whatever a field of an event may be annotated with."""


@functools.cache
def event_with(kind: Any) -> Any:
    """A class of events with one field of this type."""
    body = {"__annotations__": {"field": kind}, "__module__": __name__}
    return types.new_class("Held", (Event,), {"name": "held"}, lambda namespace: namespace.update(body))


EDGES = [sign * (1 << bits) + more for sign in (1, -1) for bits in (63, 64, 200) for more in (-1, 0, 1)]
ZONES = st.sampled_from([None, datetime.UTC, datetime.timezone(datetime.timedelta(hours=8))])
integers = st.integers(-4, 4) | st.sampled_from(EDGES)
texts = st.text("ab\u5ea7\ud800\U0001f600", max_size=3)
floats = st.sampled_from([0.0, -0.0, 0.5, 1.0, 1e22, math.inf, math.nan]) | st.floats()
odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 1, 1.0, "a", b"a", (), [], msgspec.UNSET, 1j, Tree(), Line([]), Colour.RED]
)
"""What often stands where it should not."""
SCALARS: dict[type, st.SearchStrategy[Any]] = {
    inspect.AnyType: integers | texts | floats | st.lists(integers, max_size=2) | st.tuples(integers),
    inspect.NoneType: st.none(),
    inspect.BoolType: st.booleans(),
    inspect.IntType: integers,
    inspect.FloatType: floats,
    inspect.StrType: texts,
    inspect.BytesType: st.binary(max_size=2),
    inspect.LiteralType: st.sampled_from([1, 2, "a", "b", "c", None]),
    inspect.EnumType: st.sampled_from([*Colour, *Right, Right(3), Right(0), Right(8)]),
    inspect.UUIDType: st.uuids(),
    inspect.DecimalType: st.decimals(allow_nan=False),
    inspect.DateTimeType: st.datetimes(timezones=ZONES),
    inspect.DateType: st.dates(),
    inspect.TimeDeltaType: st.timedeltas(),
    inspect.RawType: st.sampled_from(
        [msgspec.Raw(raw) for raw in (b"[1]", b" 1", b"1 2", b"{", b"nul", b"")]
    ),
}


def near(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type, and some that are not quite of it at any depth."""
    return right(kind) | right(kind) | odd


def right(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type, limits apart."""
    match kind:
        case inspect.Metadata():
            return right(kind.type)
        case inspect.UnionType():
            return st.one_of([right(one) for one in kind.types])
        case inspect.ListType():
            return st.lists(near(kind.item_type), max_size=3)
        case inspect.VarTupleType():
            return st.lists(near(kind.item_type), max_size=3).map(tuple)
        case inspect.SetType():
            return st.sets(integers | floats, max_size=3)
        case inspect.FrozenSetType():
            return st.frozensets(texts | integers, max_size=3)
        case inspect.TupleType():
            return st.tuples(*[near(one) for one in kind.item_types])
        case inspect.DictType():
            return st.dictionaries(right(kind.key_type) | integers, near(kind.value_type), max_size=2)
        case inspect.StructType(cls=cls) if cls is Tree:
            return st.sampled_from([Tree(), Tree(Tree()), Tree(Point(1))])  # type: ignore[arg-type]
        case inspect.StructType(cls=cls) if cls is Careful:
            return st.builds(cls, st.integers(0, 3))
        case inspect.StructType():
            return st.builds(kind.cls, *[near(one.type) for one in kind.fields])
    return SCALARS[type(kind)]


def comes_back(event: Event) -> bool:
    """True if an event is equal to itself after it was written and read, of the same types all the way down.
    Written without a look at the code under test."""
    try:
        read = msgspec.json.decode(msgspec.json.encode(event), type=type(event))
    except (msgspec.MsgspecError, TypeError, ValueError):
        return False
    return bool(shape(read) == shape(event))


def shape(value: Any) -> Any:
    """A value with the types of all its parts, and without what is not equal to itself."""
    kind = type(value).__name__
    if isinstance(value, msgspec.Struct):
        return kind, [shape(getattr(value, name)) for name in value.__struct_fields__]
    if isinstance(value, dict):
        return kind, [(shape(key), shape(one)) for key, one in value.items()]
    if isinstance(value, (set, frozenset)):
        return kind, sorted(repr(shape(one)) for one in value)
    if isinstance(value, (list, tuple)):
        return kind, [shape(one) for one in value]
    if isinstance(value, datetime.datetime):
        return kind, value.replace(tzinfo=None), value.utcoffset()
    return kind, bytes(value) if isinstance(value, msgspec.Raw) else value


@pytest.mark.parametrize("kind", KINDS, ids=str)
@settings(max_examples=40)
@given(data=st.data())
def test_whatever_the_value_it_fits_exactly_if_it_comes_back_the_same(kind: Any, data: st.DataObject) -> None:
    cls = event_with(kind)
    event = cls(data.draw(near(inspect.type_info(kind))))
    assert fits_of(cls)(event) == (misfit(event) == "") == comes_back(event)


class Plain(Event, name="plain"):
    count: int
    word: str = ""
    share: float = 0.0
    when: datetime.datetime | None = None
    pairs: list[tuple[int, str]] = msgspec.field(default_factory=list)
    any: Any = None


deep: Any = []
for _ in range(MOST_LEVELS + 1):
    deep = [deep]
itself: Any = []
itself.append(itself)
wrong: Any = "wrong"
wrong_pair: Any = (2, "B", 3)
WHY: list[tuple[Event, str]] = [
    (Plain(count=wrong), "count: Expected `int`, got `str`"),
    (Plain(count=True), "count: Expected `int`, got `bool`"),
    (Plain(1, word="\ud800"), "word: 'utf-8' codec can't encode character '\\ud800'"),
    (Plain(1, share=2), "share: int is read back as float"),
    (Plain(1, share=math.nan), "share: Expected `float`, got `null`"),
    (Plain(1, when=wrong), "when: Invalid RFC3339 encoded datetime"),
    (Plain(1, pairs=[(1, "A"), wrong_pair]), "pairs: Expected `array` of length 2 - at `$[1]`"),
    (Plain(1, any=[{"a": (1,)}]), "any: tuple is read back as list - at `$[0]['a']`"),
    (Plain(1, any=object()), "any: Encoding objects of type object is unsupported"),
    (Plain(1, any=deep), "any: nests deeper than 128 levels"),
    (Plain(1, any=itself), "any: nests too deeply"),
]


@pytest.mark.parametrize(("event", "why"), WHY, ids=[why for _, why in WHY])
def test_what_does_not_fit_is_told_by_field_and_reason(event: Event, why: str) -> None:
    assert not fits_of(type(event))(event)
    assert misfit(event).startswith(why)


@pytest.mark.parametrize("levels", [MOST_LEVELS, MOST_LEVELS + 2, 5_000])
def test_what_is_given_as_json_is_held_to_the_same_depth(levels: int) -> None:
    raw = msgspec.Raw(levels * b"[" + levels * b"]")
    too_deep = levels > MOST_LEVELS
    assert misfit(event_with(msgspec.Raw)(raw)).startswith("field: nests ") is too_deep
    assert fits_of(event_with(msgspec.Raw))(event_with(msgspec.Raw)(raw)) is not too_deep


def test_many_brackets_are_not_a_depth() -> None:
    assert misfit(event_with(msgspec.Raw)(msgspec.Raw(b"[" + 500 * b"[]," + b"[]]"))) == ""
