"""Types that JSON can be read into: for rows of tables, arguments of queries and results of commands."""

from typing import Any

import msgspec
from msgspec.inspect import CustomType, Field, Type


def unreadable(hint: Any) -> str:
    """Why nothing in JSON can become a value of this type; empty if something can."""
    try:
        msgspec.json.Decoder(hint)
        custom = _custom_in(msgspec.inspect.type_info(hint), set())
    except Exception as error:
        return str(error)
    return "" if custom is None else f"{custom} is not a type that JSON has"


def _custom_in(info: Any, seen: set[int]) -> Any:
    """A type, anywhere inside, that is neither of JSON nor made of what is. Types may contain themselves."""
    if id(info) in seen:
        return None
    seen.add(id(info))
    if isinstance(info, CustomType):
        return info.cls
    parts: tuple[Any, ...] = ()
    if isinstance(info, (Type, Field)):
        parts = tuple(getattr(info, name) for name in info.__struct_fields__)
    elif isinstance(info, tuple):
        parts = info
    return next((custom for part in parts if (custom := _custom_in(part, seen)) is not None), None)
