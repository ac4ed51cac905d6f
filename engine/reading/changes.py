"""What changed between two states in plain JSON, as a list of places.

{"at": "/lines/2/count", "from": 1, "to": 3}      a place as JSON Pointer (RFC 6901) has it
{"at": "/note", "to": "…"}                        there only now
{"at": "/note", "from": "…"}                      there only before
"""

from collections.abc import Iterator
from typing import Any


def changes(before: Any, after: Any, at: str = "") -> Iterator[dict[str, Any]]:
    """Each place that differs, in the order of the later state."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*after, *(name for name in before if name not in after)]:
            yield from _of_member(before, after, name, f"{at}/{_escaped(str(name))}")
    elif isinstance(before, list) and isinstance(after, list):
        for place in range(max(len(before), len(after))):
            old = dict(enumerate(before[place : place + 1], place))
            new = dict(enumerate(after[place : place + 1], place))
            yield from _of_member(old, new, place, f"{at}/{place}")
    elif type(before) is not type(after) or before != after:
        yield {"at": at, "from": before, "to": after}


def _of_member(before: dict[Any, Any], after: dict[Any, Any], name: Any, at: str) -> Iterator[dict[str, Any]]:
    if name not in before:
        yield {"at": at, "to": after[name]}
    elif name not in after:
        yield {"at": at, "from": before[name]}
    else:
        yield from changes(before[name], after[name], at)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
