"""Whether an event fits its class: making an object checks no types, but what is stored must be readable.

    Taken(count="two")  ──stored──▶  no start, view or rebuild could ever read it

So it is refused while it is only a bug of its handler. Plain fields are compared by their types, which costs
0.1 µs an event; an event with other fields, or with an unusual value, is written and read once.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import inspect

Fits = Callable[[Any], bool]
_encode = msgspec.json.Encoder().encode
_PLAIN = (  # as they are; one with limits is not equal to these
    (inspect.IntType(), "type(event.{0}) is int"),
    (inspect.StrType(), "type(event.{0}) is str"),
    (inspect.BoolType(), "type(event.{0}) is bool"),
    (inspect.FloatType(), "type(event.{0}) is float and event.{0} - event.{0} == 0"),  # no nan: that is null
    (inspect.NoneType(), "event.{0} is None"),
    (inspect.AnyType(), "True"),
)


def fits_of(cls: type[msgspec.Struct]) -> Fits:
    """The function that says whether an event of this class can be read after it was written. It raises what
    the encoder raises."""
    decode = msgspec.json.Decoder(cls).decode

    def is_readable(event: Any) -> bool:
        try:
            decode(_encode(event))
        except msgspec.ValidationError:
            return False
        return True

    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    tests = [_plain_test(field) for field in info.fields]
    if not all(tests):
        return is_readable
    quick = " and ".join(tests) or "True"
    fits: Fits = eval(f"lambda event: {quick} or is_readable(event)", {"is_readable": is_readable})
    return fits


def misfit(event: msgspec.Struct) -> str:
    """Why an event does not fit its class; empty if it does."""
    try:
        msgspec.json.decode(_encode(event), type=type(event))
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _plain_test(field: inspect.Field) -> str:
    """The test of a plain field, or of a union of such, as an expression; empty for any other."""
    kinds = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
    tests = [test.format(field.name) for kind in kinds for plain, test in _PLAIN if kind == plain]
    return f"({' or '.join(f'({test})' for test in tests)})" if len(tests) == len(kinds) else ""
