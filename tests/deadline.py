"""Waiting for a condition, never for a time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_pause = threading.Event()


def until(condition: Callable[[], T], seconds: float = 10.0, what: str = "") -> T:
    """Returns the first true value of the condition; AssertionError when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        _pause.wait(0.005)
