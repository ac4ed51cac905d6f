"""A document of no declared type is written as msgspec would write it."""

import datetime
import decimal
import enum
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from engine.wire.documents import encode_document, is_document


class Row(msgspec.Struct):
    name: str
    tags: list[str] = []


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"a": [1, 2.5, True, None, "é中"], "b": {"c": []}},
        [Row("a", ["x"]), Row("b")],
        {"row": Row("a"), "rows": {"1": Row("b")}},
        (1, 2),
        {1: "one", "two": 2},
        b"\x00\xff",
        decimal.Decimal("1.50"),
        datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC),
        datetime.date(2026, 11, 23),
        datetime.timedelta(seconds=90),
        uuid.UUID(int=7),
        Colour.RED,
        {"p": Point(3)},
        frozenset({1}),
        float("nan"),
        -(1 << 63),
        (1 << 64) - 1,
        {"large": [1 << 80]},
        'quotes " \\ and \x00',
    ],
    ids=lambda document: type(document).__name__,
)
def test_both_encoders_say_the_same(document: Any) -> None:
    expected = msgspec.json.decode(msgspec.json.encode(document))
    assert msgspec.json.decode(encode_document(document)) == expected


@pytest.mark.parametrize(
    "hint", [Any, None, str, dict, list[int], dict[str, Any], dict[str, list[int | None]] | None]
)
def test_what_says_no_more_than_json_is_a_document(hint: Any) -> None:
    assert is_document(hint)


@pytest.mark.parametrize("hint", [Row, list[Row], Row | None, dict[str, Row], datetime.date, bytes, set[int]])
def test_what_declares_more_is_none(hint: Any) -> None:
    assert not is_document(hint)


def test_what_has_no_form_in_json_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        encode_document({"a": object()})
