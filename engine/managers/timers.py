"""Timers: commands that must leave at a certain time, or as soon as possible after it.

A timer that fires becomes an entry of the outbox in one transaction, so it fires once, even if its time
passed while the node was down. The id of its command is fixed when the timer is set.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush

import msgspec

from engine.managers.ended import State, TimerStory, story_of
from engine.model.messages import Command

NEVER_NS = 1 << 63


class _Timer(msgspec.Struct):
    due_ns: int
    key: str
    command: Command


class _Stored(msgspec.Struct, array_like=True):
    due_ns: int
    key: str
    body: msgspec.Raw


class Timers:
    """All timers that are set. A timer without a key can only fire; one with a key can be replaced and
    cancelled."""

    def __init__(self, ended: Callable[[TimerStory], None] = lambda story: None) -> None:
        """`ended` is told of every timer that fires, is cancelled or is replaced."""
        self._ended = ended
        self._clear()

    def _clear(self) -> None:
        self._timers: dict[str, _Timer] = {}  # by the command's id
        self._keys: dict[str, str] = {}
        self._due: list[tuple[int, str]] = []  # timers that are gone are skipped
        self._changed: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._timers)

    @property
    def changed(self) -> bool:
        """True if there is something that `changes` has not returned yet."""
        return bool(self._changed)

    @property
    def next_due_ns(self) -> int:
        """When the next timer fires."""
        while self._due and not self._is_set(*self._due[0]):
            heappop(self._due)
        return self._due[0][0] if self._due else NEVER_NS

    def set(self, due_ns: int, key: str, command: Command) -> None:
        """Sets a timer, in place of one with the same key."""
        self._end_keyed(key, "replaced", command.causation)
        if key:
            self._keys[key] = command.id
        self._timers[command.id] = _Timer(due_ns, key, command)
        self._changed[command.id] = None
        heappush(self._due, (due_ns, command.id))
        if len(self._due) > 2 * len(self._timers) + 64:  # otherwise keys that are set again and again fill it
            self._due = [(timer.due_ns, id) for id, timer in self._timers.items()]
            heapify(self._due)

    def cancel(self, key: str, by: str | None = None) -> None:
        """Cancels the timer of this key, if there is one. `by`: the command because of which it is."""
        self._end_keyed(key, "cancelled", by)

    def fire(self, now_ns: int, most: int) -> list[Command]:
        """Removes and returns the timers that are due, earliest first."""
        fired: list[Command] = []
        while len(fired) < most and self.next_due_ns <= now_ns:
            _, id = heappop(self._due)
            fired.append(self._end(id, "fired"))
        return fired

    def pending(self) -> list[tuple[int, str, Command]]:
        """(due, key, command) of each, earliest first."""
        ordered = sorted(self._timers.values(), key=lambda timer: (timer.due_ns, timer.command.id))
        return [(timer.due_ns, timer.key, timer.command) for timer in ordered]

    def of(self, causation: str) -> list[TimerStory]:
        """The timers that were set because of a command, in the order in which they were."""
        return [
            story_of(timer.due_ns, timer.key, timer.command, "waiting")
            for timer in self._timers.values()
            if timer.command.causation == causation
        ]

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """(key, timer) of what has changed since the last call; None: the timer is gone."""
        changed, self._changed = self._changed, {}
        for id in changed:
            timer = self._timers.get(id)
            if timer is None:
                yield bytes.fromhex(id), None
            else:
                body = msgspec.Raw(_encode(timer.command))
                yield bytes.fromhex(id), _encode(_Stored(timer.due_ns, timer.key, body))

    def load(self, items: Iterable[tuple[bytes, bytes]], decode: Callable[[bytes], Command]) -> None:
        """Replaces everything by what was saved."""
        self._clear()
        for _, value in items:
            stored = _decode(value)
            self.set(stored.due_ns, stored.key, decode(bytes(stored.body)))
        self._changed.clear()

    def _is_set(self, due_ns: int, id: str) -> bool:
        timer = self._timers.get(id)
        return timer is not None and timer.due_ns == due_ns

    def _end_keyed(self, key: str, state: State, by: str | None) -> None:
        id = self._keys.get(key)
        if id is not None:
            self._end(id, state, by)

    def _end(self, id: str, state: State, by: str | None = None) -> Command:
        timer = self._timers.pop(id)
        self._changed[id] = None
        if timer.key and self._keys.get(timer.key) == id:
            del self._keys[timer.key]
        self._ended(story_of(timer.due_ns, timer.key, timer.command, state, by))
        return timer.command


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(_Stored).decode
