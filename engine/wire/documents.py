"""Documents, as JSON: dictionaries and lists of no declared structure, such as many queries answer.

orjson encodes dictionaries and lists in 0.4 of msgspec's time; structs, which msgspec knows, take three times
as long with it. So answers of declared structs stay with msgspec. What orjson does not know itself (structs,
bytes, decimals, sets, dates) becomes what msgspec makes of it: the two write the same.
"""

from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
import orjson

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def is_document(hint: Any) -> bool:
    """True for a type that says no more than JSON does: Any, and lists and dictionaries of such."""
    if hint is Any or hint in (None, type(None), str, int, float, bool, dict, list):
        return True
    return get_origin(hint) in (dict, list, Union, UnionType) and all(map(is_document, get_args(hint)))


def encode_document(document: Any) -> bytes:
    """The document, as JSON. Raises TypeError for what has no form in JSON."""
    try:
        return orjson.dumps(document, msgspec.to_builtins, _OPTIONS)
    except TypeError:  # an integer above 64 bits, for example
        return msgspec.json.encode(document)
