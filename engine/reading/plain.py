"""A state in plain JSON, for people: what an aggregate remembers, whatever it is made of."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.model.aggregates import Aggregate
from engine.model.state import OWN, attributes

MOST_BITS = 14_000  # Python refuses to write a number of more than 4300 digits in decimal


def state_of(aggregate: Aggregate) -> Any:
    """Everything that an aggregate remembers. Not what `save_state` gives: that may be compact, and this is
    to be read."""
    return plain({name: item for name, item in attributes(aggregate).items() if name not in OWN})


def plain(value: Any, above: tuple[int, ...] = ()) -> Any:
    """A state as JSON has it. Objects become their attributes, sets sorted lists, bytes base64; what leads
    back to something around it (`above`) becomes "..."."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return hex(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if id(value) in above:
        return "..."
    above = (*above, id(value))
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else _key(key): plain(item, above) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, above) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item, above) for item in value), key=json.dumps)
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name), above) for name in value.__struct_fields__}
    if hasattr(value, "tolist"):  # arrays
        return plain(value.tolist(), above)
    values = attributes(value)
    return plain(values, above) if values else str(value)


def _key(key: Any) -> str:
    name = plain(key)
    return name if isinstance(name, str) else json.dumps(name, ensure_ascii=False)
