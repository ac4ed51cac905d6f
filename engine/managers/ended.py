"""Ended timers: those that fired, were cancelled or were replaced. They are kept as long as the outcomes of
commands, so that a trace can show what became of a timer.

    k | causation (16) | command id (16)   [type, aggregate, key, due_ns, state, correlation, ended_by]
    q | number (8)                         causation (16) | command id (16): the order in which they ended

The timers of one causation are found by one seek, on disk. Only the order is in memory.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from engine.model.messages import Command, wire_tag
from engine.store.format import number, word

MOST_ENDED = 500_000
NO_CAUSATION = "0" * 32

State = Literal["waiting", "fired", "cancelled", "replaced"]


class TimerStory(msgspec.Struct, frozen=True):
    """A timer and what became of it. `id`, `type` and `aggregate` are those of its command; `causation` is
    the command because of which it was set, `ended_by` that because of which it was cancelled or replaced."""

    id: str
    type: str
    aggregate: str
    key: str
    due_ns: int
    state: State
    correlation: str | None
    causation: str | None
    ended_by: str | None = None


class _Stored(msgspec.Struct, array_like=True):
    type: str
    aggregate: str
    key: str
    due_ns: int
    state: State
    correlation: str | None
    ended_by: str | None


class EndedTimers:
    """The newest `most` of them."""

    def __init__(self, most: int = MOST_ENDED) -> None:
        self._most = most
        self._keys: deque[bytes] = deque()
        self._first = 1  # the number of the oldest one
        self._added: list[tuple[bytes, bytes]] = []

    @property
    def changed(self) -> bool:
        """True if there is something that `changes` has not returned yet."""
        return bool(self._added)

    def add(self, story: TimerStory) -> None:
        """A timer has ended."""
        key = bytes.fromhex((story.causation or NO_CAUSATION) + story.id)
        stored = _Stored(
            story.type,
            story.aggregate,
            story.key,
            story.due_ns,
            story.state,
            story.correlation,
            story.ended_by,
        )
        self._added.append((key, _encode(stored)))

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """(key, value) of what has changed since the last call; None: it is no longer kept."""
        added, self._added = self._added, []
        for key, value in added:
            self._keys.append(key)
            yield b"q" + word(self._first + len(self._keys) - 1), key
            yield b"k" + key, value
        while len(self._keys) > self._most:
            yield b"q" + word(self._first), None
            yield b"k" + self._keys.popleft(), None
            self._first += 1

    def load(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Replaces everything by what was saved, given in the order of keys."""
        self._keys.clear()
        self._added.clear()
        self._first = 1
        for key, value in items:
            if key.startswith(b"q"):
                if not self._keys:
                    self._first = number(key[1:])
                self._keys.append(bytes(value))


def prefix_of(causation: str) -> bytes:
    """What the keys of the timers begin with that were set because of a command."""
    return b"k" + bytes.fromhex(causation)


def story_in(key: bytes, value: bytes) -> TimerStory:
    """The ended timer that is stored under a key."""
    stored = _decode(value)
    causation, id = key[1:17].hex(), key[17:].hex()
    return TimerStory(
        id,
        stored.type,
        stored.aggregate,
        stored.key,
        stored.due_ns,
        stored.state,
        stored.correlation,
        None if causation == NO_CAUSATION else causation,
        stored.ended_by,
    )


def story_of(
    due_ns: int, key: str, command: Command, state: State, ended_by: str | None = None
) -> TimerStory:
    """The timer that sends a command."""
    return TimerStory(
        command.id,
        wire_tag(type(command)),
        command.aggregate,
        key,
        due_ns,
        state,
        command.correlation,
        command.causation,
        ended_by,
    )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Stored).decode
