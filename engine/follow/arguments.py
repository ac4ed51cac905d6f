"""The arguments of a query, for people: what they are, and what a typed text means.

On a command line or in a URL everything is a text. What it means depends on the declared type: `42` is a
number where one is wanted, and a text where a text is.
"""

import inspect
import re
from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from engine.base.decoding import NOT_DECODABLE

_MODULES = re.compile(r"\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])")


def arguments_of(texts: Mapping[str, str], request: Any) -> bytes:
    """The arguments that were typed, as JSON for the type of the request. Each text is taken as JSON if it
    is JSON of the declared type, and as it stands otherwise."""
    types = {field.encode_name: field.type for field in _fields(request)}
    return msgspec.json.encode({name: _meant(text, types.get(name, Any)) for name, text in texts.items()})


def signature_of(request: Any, answer: Any) -> dict[str, Any]:
    """What a query takes, and the type of its `answer`. Each of the `arguments` has `name`, `type` and
    `required`. Types are as one would write them."""
    arguments = [
        {"name": field.encode_name, "type": _shown(field.type), "required": field.required}
        for field in _fields(request)
    ]
    return {"arguments": arguments, "answer": _shown(answer)}


def taken_by(request: Any) -> str:
    """The names of what a query takes, in words."""
    return ", ".join(field.encode_name for field in _fields(request)) or "no arguments"


def _fields(request: Any) -> tuple[FieldInfo, ...]:
    """Those of a struct; of anything else (a dictionary, for example) nothing is known."""
    is_struct = isinstance(request, type) and issubclass(request, msgspec.Struct)
    return fields(request) if is_struct else ()


def _meant(text: str, kind: Any) -> msgspec.Raw:
    """Of the two readings the first that fits. If neither does, the one that makes the better complaint: -1
    for a count is a number out of range, not a text in the place of a number."""
    as_text = msgspec.json.encode(text)
    try:
        msgspec.json.decode(text)
    except NOT_DECODABLE:  # it is not JSON
        return msgspec.Raw(as_text)
    for reading in (text.encode(), as_text):
        try:
            msgspec.json.decode(reading, type=kind)
        except msgspec.ValidationError:
            continue
        return msgspec.Raw(reading)
    return msgspec.Raw(text.encode())


def _shown(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        return _shown(get_args(kind)[0])
    return _MODULES.sub("", inspect.formatannotation(kind))
