"""What changed between two states, as places."""

from typing import Any

import pytest

from engine.reading.changes import changes


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [{"at": "/a", "from": 1, "to": 2}]),
        ({}, {"a": 1}, [{"at": "/a", "to": 1}]),
        ({"a": 1}, {}, [{"at": "/a", "from": 1}]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3, 4]}}, [
            {"at": "/a/b/1", "from": 2, "to": 3}, {"at": "/a/b/2", "to": 4},
        ]),
        ([1, 2], [1], [{"at": "/1", "from": 2}]),
        ({"a": [1]}, {"a": {"0": 1}}, [{"at": "/a", "from": [1], "to": {"0": 1}}]),
        ({"a/b~": 1}, {"a/b~": 2}, [{"at": "/a~1b~0", "from": 1, "to": 2}]),
        ({"a": None}, {"a": 0}, [{"at": "/a", "from": None, "to": 0}]),
        ({"a": 1}, {"a": True}, [{"at": "/a", "from": 1, "to": True}]),
        (1, 2, [{"at": "", "from": 1, "to": 2}]),
    ],
)  # fmt: skip
def test_each_place_that_differs_is_named_once(before: Any, after: Any, found: list[dict[str, Any]]) -> None:
    assert list(changes(before, after)) == found
