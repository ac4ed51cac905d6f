"""A step: what one event, or one refusal, makes a process manager send; `send` as a handler sees it.

What a handler orders is only noted here. It counts once the whole step has succeeded; nothing is left of a
step that fails.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from engine.base.instants import duration_ns, nanoseconds
from engine.managers.identity import derived_id
from engine.model.messages import Command

Checked = Callable[[Command], tuple[Command, bytes]]
"""Returns a command as it will arrive, and its bytes, or raises what is wrong with it."""

_LATEST_NS = 1 << 63


class Dispatched(NamedTuple):
    """A command that leaves as soon as the step is durable, and its bytes."""

    command: Command
    body: bytes


class Timed(NamedTuple):
    """A command that leaves when the clock shows `due_ns`. `from_ns`: the time from which that was counted;
    0: it is a time of day."""

    due_ns: int
    from_ns: int
    key: str
    command: Command


class Cancelled(NamedTuple):
    """The key of a timer that is no longer wanted."""

    key: str


Order = Dispatched | Timed | Cancelled


class Step:
    """The `send` of one process manager, reused for every step."""

    def __init__(self, checked: Checked) -> None:
        self._checked = checked
        self._open = self._muted = False
        self._orders: list[Order] = []
        self._time_ns, self._seed, self._number = 0, b"", 0
        self.correlation = self.causation = ""

    def begin(
        self, time_ns: int, seed: bytes, *, correlation: str, causation: str, muted: bool = False
    ) -> None:
        """Begins a step. `causation`: the command whose commit or refusal is handled; both are those of every
        command that is ordered. `muted`: it is history, so what is ordered is ignored."""
        self._time_ns, self._seed, self._number = time_ns, seed, 0
        self.correlation, self.causation = correlation, causation
        self._orders.clear()
        self._open, self._muted = True, muted

    def end(self) -> list[Order]:
        """Ends the step; returns what it ordered, in order. The list is valid until the next step begins."""
        self._open = False
        return self._orders

    @property
    def ordered(self) -> list[Order]:
        """What the step has ordered so far."""
        return self._orders

    def __call__(self, command: Command) -> None:
        if self._is_heard():
            self._orders.append(Dispatched(*self._identified(command, self._time_ns)))

    def after(self, delay: timedelta, command: Command, key: str = "") -> None:
        if not isinstance(delay, timedelta):
            raise TypeError(f"send.after takes a timedelta, as in timedelta(minutes=30), not {delay!r}")
        self._set(self._time_ns + duration_ns(delay), self._time_ns, command, key)

    def at(self, time: datetime, command: Command, key: str = "") -> None:
        if not isinstance(time, datetime):
            raise TypeError(f"send.at takes a datetime with a time zone, not {time!r}")
        self._set(nanoseconds(time), 0, command, key)

    def _set(self, time_ns: int, from_ns: int, command: Command, key: str) -> None:
        if not self._is_heard():
            return
        if not 0 <= time_ns < _LATEST_NS:
            raise ValueError(f"a timer is due between 1970 and 2262, not at {time_ns} ns since 1970")
        if type(key) is not str:
            raise TypeError(f"the key of a timer is a text, not {key!r}")
        key.encode()  # a lone surrogate could not be saved
        # With the time at which it will leave: by then the ids of this moment are old.
        identified, _ = self._identified(command, max(time_ns, self._time_ns))
        self._orders.append(Timed(time_ns, from_ns, key, identified))

    def cancel(self, key: str) -> None:
        if self._is_heard():
            self._orders.append(Cancelled(key))

    def _is_heard(self) -> bool:
        if not self._open:
            raise RuntimeError("`send` is good only while the handler runs that was given it")
        return not self._muted

    def _identified(self, command: Command, time_ns: int) -> tuple[Command, bytes]:
        number, self._number = self._number, self._number + 1
        id = derived_id(time_ns, self._seed, number)
        return self._checked(
            replace(command, id=id, correlation=self.correlation, causation=self.causation)
        )
