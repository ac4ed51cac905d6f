"""Rereading: a value is written and read once, to see whether it comes back as it was.

    2      where a float is declared   comes back as 2.0
    (1,)   where a list is declared    comes back as [1]
    nan                                comes back as null

An applier that was given the one would make another state of the other, so equal is not enough: the types
have to be the same too, all the way down.
"""

import dataclasses
import datetime
from collections.abc import Callable
from typing import Any

import msgspec

from engine.model.state import attributes

MOST_LEVELS = 128
"""Twice what a command may nest: what reads the event does so from another depth of the stack."""
TOO_DEEP = f"nests deeper than {MOST_LEVELS} levels"
Reread = Callable[[Any], str]
"""Why a value does not come back as it was; empty if it does."""

_encode = msgspec.json.Encoder().encode


def reread_as(kind: Any) -> Reread:
    """The function that writes a value and reads it as this type. It raises nothing."""
    decode = msgspec.json.Decoder(kind).decode

    def reread(value: Any) -> str:
        try:
            return _difference(value, decode(_encode(value)), "")
        except RecursionError:
            return "nests too deeply"
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
            return str(error)
        except Exception as error:  # of a class of the application; its text may hold addresses
            return f"raised {type(error).__name__}"

    return reread


def nests_too_deeply(encoded: bytes) -> bool:
    """True if JSON nests deeper than MOST_LEVELS."""
    if encoded.count(b"[") + encoded.count(b"{") <= MOST_LEVELS:
        return False
    try:
        value = msgspec.json.decode(encoded)
        return bool(_difference(value, value, ""))
    except RecursionError:
        return True


def _difference(value: Any, read: Any, path: str, level: int = 0) -> str:
    """The first place where what was read is not what was written; empty if there is none."""
    kind = type(value)
    if level > MOST_LEVELS:
        return TOO_DEEP
    if type(read) is not kind:
        return f"{kind.__name__} is read back as {type(read).__name__}{path and f' - at `${path}`'}"
    if kind is msgspec.Raw and nests_too_deeply(bytes(value)):
        return TOO_DEEP
    if kind in (str, int, bool, float, type(None)):
        return "" if value == read else _other(path)
    parts, others = _parts(value), _parts(read)
    if parts is None or others is None:
        return "" if _is_equal(value, read) else _other(path)
    if len(parts) != len(others):
        return _other(path)
    for (key, part), (_, other) in zip(parts, others, strict=True):
        why = _difference(part, other, path + key, level + 1)
        if why:
            return why
    return ""


def _parts(value: Any) -> list[tuple[str, Any]] | None:
    """What a value is made of, each with its path; None if it has no parts."""
    if isinstance(value, msgspec.Struct):
        return [(f".{name}", getattr(value, name)) for name in value.__struct_fields__]
    if isinstance(value, (list, tuple)):
        return [(f"[{k}]", part) for k, part in enumerate(value)]
    if isinstance(value, dict):
        return [pair for key, part in value.items() for pair in (("[key]", key), (f"[{key!r}]", part))]
    if dataclasses.is_dataclass(value):
        return [(f".{name}", part) for name, part in attributes(value).items()]
    return None


def _is_equal(value: Any, read: Any) -> bool:
    if isinstance(value, (set, frozenset)):  # in any order; 1 and 1.0 are equal, and not the same
        return {(type(one), one) for one in value} == {(type(one), one) for one in read}
    if isinstance(value, msgspec.Raw):
        return bytes(value) == bytes(read)
    if isinstance(value, datetime.datetime):
        value, read = (value, value.utcoffset()), (read, read.utcoffset())
    return bool(value == read)


def _other(path: str) -> str:
    return f"another value is read back{path and f' - at `${path}`'}"
