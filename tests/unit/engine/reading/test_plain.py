"""Any state can be shown as JSON."""

import array
import json
from typing import Any

import msgspec
import numpy as np
import pytest

from engine import Aggregate
from engine.reading.plain import plain


class Place(msgspec.Struct, frozen=True):
    row: int
    seat: str


class Slotted:
    __slots__ = ("one", "two")

    def __init__(self) -> None:
        self.one = 1


class Empty:
    def __str__(self) -> str:
        return "empty"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": [1, 2.5, None, True, ("x",)]}, {"a": [1, 2.5, None, True, ["x"]]}),
        ({(1, "a"): {3, 1, 2}, 7: frozenset("a")}, {'[1, "a"]': [1, 2, 3], "7": ["a"]}),
        (Place(3, "F"), {"row": 3, "seat": "F"}),
        ({Place(3, "F"): 1}, {'{"row": 3, "seat": "F"}': 1}),
        (Slotted(), {"one": 1}),
        (b"\x00\xff", "AP8="),
        (array.array("i", [1, 2]), [1, 2]),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        ([Empty()], ["empty"]),
        ([16**4000], ["0x1" + 4000 * "0"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_state_as_json_has_it(value: Any, shown: Any) -> None:
    assert plain(value) == shown
    json.dumps(plain(value))


def test_what_leads_back_to_itself_ends() -> None:
    class Knot(Aggregate):
        def __init__(self, id: str) -> None:
            super().__init__(id)
            self.me = [self]

    knot = Knot("a")
    assert plain(knot)["me"] == ["..."]
    twice = [1]
    assert plain([twice, twice]) == [[1], [1]]
