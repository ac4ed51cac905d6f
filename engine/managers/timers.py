"""Timers: commands that must leave at a certain time, or as soon as possible after it.

A timer that fires becomes an entry of the outbox in one transaction, so it fires once, even if its time
passed while the node was down. The id of its command is fixed when the timer is set.

A timer is set for a time of day, or for so long after something was stamped. Where the clock turns out to be
behind that stamp (it stood ahead then, or has been set back) the second kind counts from now instead, and its
command gets an id of the time at which it will leave. Otherwise half an hour would be a year.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush

import msgspec
from msgspec.structs import replace

from engine.managers.ended import State, TimerStory, story_of
from engine.managers.identity import derived_id
from engine.model.messages import Command

NEVER_NS = 1 << 63


class _Timer(msgspec.Struct):
    due_ns: int
    key: str
    command: Command
    from_ns: int


class _Stored(msgspec.Struct, array_like=True):
    due_ns: int
    key: str
    body: msgspec.Raw
    from_ns: int


class Timers:
    """All timers that are set. A timer without a key can only fire; one with a key can be replaced and
    cancelled."""

    def __init__(
        self, ended: Callable[[TimerStory], None] = lambda story: None, *, recount: bool = True
    ) -> None:
        """`ended` is told of every timer that fires, is cancelled or is replaced. `recount`: whether one
        counts from now if the clock is behind; not on several nodes, whose ids have to be the same."""
        self._ended, self._recount = ended, recount
        self._clear()

    def _clear(self) -> None:
        self._timers: dict[str, _Timer] = {}  # by the command's id
        self._keys: dict[str, str] = {}
        self._due: list[tuple[int, str]] = []  # timers that are gone are skipped
        self._changed: dict[str, None] = {}
        self._unchecked: list[str] = []  # those of which it is not known yet whether the clock is behind them
        self._now_ns = 0

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

    def set(self, due_ns: int, key: str, command: Command, from_ns: int = 0) -> None:
        """Sets a timer, in place of one with the same key. `from_ns`: the time from which `due_ns` was
        counted; 0: it is a time of day."""
        self._end_keyed(key, "replaced", command.causation)
        if key:
            self._keys[key] = command.id
        self._timers[command.id] = _Timer(due_ns, key, command, from_ns)
        if from_ns and self._recount:
            self._unchecked.append(command.id)
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
        self._check(now_ns)
        fired: list[Command] = []
        while len(fired) < most and self.next_due_ns <= now_ns:
            _, id = heappop(self._due)
            fired.append(self._end(id, "fired"))
        return fired

    def due(self, now_ns: int, most: int) -> list[Command]:
        """The commands of timers that are due, earliest first; they stay set."""
        found: list[tuple[int, str]] = []
        while len(found) < most and self.next_due_ns <= now_ns:
            found.append(heappop(self._due))
        for one in found:
            heappush(self._due, one)
        return [self._timers[id].command for _, id in found]

    def find(self, id: str) -> Command | None:
        """The command of a timer that is set, by its id."""
        timer = self._timers.get(id)
        return None if timer is None else timer.command

    def fired_elsewhere(self, id: str) -> None:
        """Removes a timer that another node has fired."""
        self._end(id, "fired")

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
                yield bytes.fromhex(id), _encode(_Stored(timer.due_ns, timer.key, body, timer.from_ns))

    def load(self, items: Iterable[tuple[bytes, bytes]], decode: Callable[[bytes], Command]) -> None:
        """Replaces everything by what was saved."""
        self._clear()
        for _, value in items:
            stored = _decode(value)
            self.set(stored.due_ns, stored.key, decode(bytes(stored.body)), stored.from_ns)
        self._changed.clear()

    def _check(self, now_ns: int) -> None:
        """Finds the timers that count from a time which the clock has not reached."""
        if not self._recount:
            return
        if now_ns < self._now_ns:  # it was set back
            self._unchecked = list(self._timers)
        self._now_ns = now_ns
        unchecked, self._unchecked = self._unchecked, []
        for id in unchecked:
            timer = self._timers.get(id)
            if timer is not None and timer.from_ns > now_ns:
                self._count_from(now_ns, id, timer)

    def _count_from(self, now_ns: int, id: str, timer: _Timer) -> None:
        """Sets a timer again, as long from now as it was from the time that it counted from."""
        due_ns = now_ns + timer.due_ns - timer.from_ns
        del self._timers[id]
        self._changed[id] = None
        command = replace(timer.command, id=derived_id(due_ns, id.encode(), 0))
        if timer.key:
            del self._keys[timer.key]
        self.set(due_ns, timer.key, command, now_ns)

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
