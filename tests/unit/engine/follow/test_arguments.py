"""A typed text means what the declared type wants."""

import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest

from engine.follow.arguments import arguments_of, signature_of

Count = Annotated[int, msgspec.Meta(ge=0)]


class Inner(msgspec.Struct):
    a: int


class Request(msgspec.Struct, forbid_unknown_fields=True):
    text: str = ""
    maybe: str | None = "-"
    number: int = 0
    count: Count = 0
    ratio: float = 0.0
    yes: bool = False
    either: int | str = 0
    tags: list[str] = []
    inner: Inner | None = None
    table: dict[str, int] = {}
    day: datetime.date | None = None
    colour: Literal["red", "1"] = "red"
    any: Any = None


@pytest.mark.parametrize(
    ("name", "typed", "meant"),
    [
        ("text", "note-1", "note-1"),
        ("text", "42", "42"),
        ("text", "null", "null"),
        ("text", "true", "true"),
        ("text", "1e3", "1e3"),
        ("text", '"42"', "42"),
        ("text", '{"a": 1}', '{"a": 1}'),
        ("text", '"', '"'),
        ("text", "", ""),
        ("text", "a=b", "a=b"),
        ("maybe", "null", None),
        ("maybe", '"null"', "null"),
        ("maybe", "42", "42"),
        ("number", "42", 42),
        ("number", "-7", -7),
        ("count", "3", 3),
        ("ratio", "1e3", 1000.0),
        ("ratio", "42", 42.0),
        ("yes", "true", True),
        ("either", "42", 42),
        ("either", '"42"', "42"),
        ("either", "x", "x"),
        ("tags", '["a", "b"]', ["a", "b"]),
        ("inner", '{"a": 1}', Inner(1)),
        ("inner", "null", None),
        ("table", '{"a": 1}', {"a": 1}),
        ("day", "2026-11-23", datetime.date(2026, 11, 23)),
        ("colour", "1", "1"),
        ("any", '{"a": 1}', {"a": 1}),
        ("any", "x y", "x y"),
    ],
)
def test_a_text_is_json_where_that_fits_and_a_text_otherwise(name: str, typed: str, meant: Any) -> None:
    request = msgspec.json.decode(arguments_of({name: typed}, Request), type=Request)
    assert getattr(request, name) == meant
    assert type(getattr(request, name)) is type(meant)


@pytest.mark.parametrize(
    ("name", "typed", "complaint"),
    [
        ("number", "1e3", "Expected `int`, got `float` - at `$.number`"),
        ("number", "many", "Expected `int`, got `str` - at `$.number`"),
        ("count", "-1", "Expected `int` >= 0 - at `$.count`"),
        ("tags", "a,b", "Expected `array`, got `str` - at `$.tags`"),
        ("yes", "yes", "Expected `bool`, got `str` - at `$.yes`"),
        ("other", "1", "Object contains unknown field `other`"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(name: str, typed: str, complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(arguments_of({name: typed}, Request), type=Request)
    assert str(refused.value) == complaint


def test_a_request_that_is_no_struct_gets_json_or_text() -> None:
    assert arguments_of({"a": "1", "b": "x"}, dict[str, Any]) == b'{"a":1,"b":"x"}'


def test_a_signature_is_what_one_would_write() -> None:
    class Asked(msgspec.Struct):
        note: str
        rows: list[Inner]
        limit: Count = 10
        after: str | None = None

    signature = signature_of(Asked, list[Inner] | None)
    assert signature["answer"] == "list[Inner] | None"
    assert [(one["name"], one["type"], one["required"]) for one in signature["arguments"]] == [
        ("note", "str", True),
        ("rows", "list[Inner]", True),
        ("limit", "int", False),
        ("after", "str | None", False),
    ]
    assert signature_of(dict[str, int], Any) == {"arguments": [], "answer": "Any"}
