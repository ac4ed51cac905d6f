"""A subscriber: gets chosen events and application messages at least once, from where it stopped.

It may be killed between the effect of a message and `ack`; then it gets the message again, under the same
id. An effect that is to happen once must be keyed by that id.
"""

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Literal

import msgspec

from engine.base.called import called
from engine.base.errors import ConfigError
from engine.base.place import expanded
from engine.model.app import Engine
from engine.model.delivery import Delivery
from engine.model.messages import Event, wire_tag
from engine.reading.copies import LOOK_S, Copies, Places
from engine.reading.cursor import Cursor, Mark
from engine.reading.stores import Stores
from engine.reading.tail import StoredEntry, Tail
from engine.store import Types
from engine.wire.lifting import EventDecoder, lifts, tag_in
from engine.wire.log import decode_parts

AT_ONCE = 100  # entries read ahead
LAG = 10_000  # positions without anything wanted after which the cursor is saved all the same


class Subscriber:
    """A reader of a data directory, whether or not a node runs on it, for one process a name and one thread.

    `data`: a data directory, or a list of those of several nodes of one cluster: one is read, and another
    when that has what this one lacks; then `folder` has to be given. `types`: classes, whose events come
    typed, or wire names, whose events come as dictionaries as they are stored; a name without a version
    stands for all versions. `app`: needed to lift old events to the classes. `since`: where a subscriber of a
    new name begins. `folder`: where its cursor is kept; by default in the data directory. Raises Locked if
    another process has the name, CorruptData if the cursor is damaged, ConfigError if the log is not the one
    that it knew, as after a restore from an older copy.
    """

    def __init__(
        self,
        data: Places,
        name: str,
        types: Sequence[type[Event] | str],
        *,
        app: Engine | None = None,
        since: Literal["beginning", "now"] = "beginning",
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self._closed = False
        self._wanted = _Wanted(types, app)
        self._copies = Copies(data)
        try:
            if folder is None and self._copies.several:
                raise ConfigError("a subscriber of several nodes needs a folder of its own for its cursor")
            where = expanded(folder) if folder is not None else self._stores.data / "subscribers"
            self._cursor = Cursor(where, name, self._stores.partitions)
        except BaseException:
            self._copies.close()
            raise
        try:
            if not self._cursor.next:
                begin = self._stores.positions() if since == "now" else [0] * self._stores.partitions
                self._keep([(position + 1, 0) for position in begin])
            self._proven = [False] * self._stores.partitions
            self._prove()
        except BaseException:  # or no other could have the name before this process ends
            self._cursor.close()
            self._copies.close()
            raise
        self._next: list[Mark] = list(self._cursor.next)
        self._out: list[tuple[int, int]] = [(0, 0)] * self._stores.partitions  # handed out last
        after = [max(0, position - 1) for position, _ in self._next]
        self._tail = Tail(self._stores, after, self._wanted.types)
        self._rest: deque[Delivery] = deque()  # read, not handed out
        self._waiting = [0] * self._stores.partitions  # how many of them

    def take(self, timeout_s: float = 1.0, most: int = 100) -> list[Delivery]:
        """The next deliveries, at most `most`; none if nothing came in time. Those taken before and not
        acknowledged are not given again, unless to the next subscriber of this name."""
        self._expect_open()
        if not self._rest:
            self._fetch(timeout_s)
        taken = [self._rest.popleft() for _ in range(min(most, len(self._rest)))]
        for delivery in taken:
            self._out[delivery.partition] = (delivery.position, delivery.index)
            self._waiting[delivery.partition] -= 1
        return taken

    def __iter__(self) -> Iterator[Delivery]:
        """One delivery after the other, for ever."""
        while True:
            yield from self.take(1.0, 1)

    def ack(self, *deliveries: Delivery) -> None:
        """These, and all before them of their partitions, are dealt with; without any: all that was taken.
        Durable when it returns; one write, so a batch costs as much as a delivery."""
        self._expect_open()
        done = dict(enumerate(self._out)) if not deliveries else {}
        for delivery in deliveries:
            at = delivery.position, delivery.index
            done[delivery.partition] = max(at, done.get(delivery.partition, at))
        for partition, (position, index) in done.items():
            if self._out[partition] <= (position, index) and not self._waiting[partition]:
                at = (self._tail.positions[partition] + 1, 0)  # nothing up to there is still to be done
            else:
                at = position, index + 1
            self._next[partition] = max(self._next[partition], at)
        if self._next != self._cursor.next:
            self._keep(self._next)

    @property
    def positions(self) -> list[int]:
        """The position in each partition up to which everything that is wanted has been taken."""
        behind = [position - 1 for position, _ in self._next]
        taken = self._tail.positions
        return [
            at if not self._waiting[p] else max(behind[p], self._out[p][0] - 1) for p, at in enumerate(taken)
        ]

    def close(self) -> None:
        """Closes it and frees the name. What was not acknowledged is delivered again."""
        if self._closed:
            return
        self._closed = True
        self._tail.close()
        self._copies.close()
        self._cursor.close()

    def __enter__(self) -> "Subscriber":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _expect_open(self) -> None:
        if self._closed:  # another one may have the name by now, and be further on
            raise RuntimeError("the subscriber is closed: what was not acknowledged is delivered again")

    def _keep(self, next: list[Mark]) -> None:
        before = zip(next, self._cursor.next or [(0, 0)] * len(next), range(len(next)), strict=True)
        commands = [
            self._cursor.commands[p] if at[0] == was[0] else self._stores.command_at(p, at[0] - 1)
            for at, was, p in before
        ]
        self._cursor.save(next, commands)

    def _prove(self) -> None:
        """Checks, once the store reaches that far, that before each cursor stands the command that stood
        there. Raises ConfigError if it is another log, as after a restore."""
        for partition, proven in enumerate(self._proven):
            position, known = self._cursor.next[partition][0] - 1, self._cursor.commands[partition]
            found = "" if proven or not known else self._stores.command_at(partition, position)
            if found and found != known:
                hint = f"`{called()} follower accept` goes on from the present log"
                text = "the log is not the one that this subscriber knew"
                raise ConfigError(text, partition=partition, position=position, hint=hint)
            self._proven[partition] = proven or not known or bool(found)

    def _fetch(self, timeout_s: float) -> None:
        if not all(self._proven):
            self._prove()
        entries = self._read(timeout_s)
        for k, (partition, position, entry) in enumerate(entries):
            try:
                deliveries = list(self._deliveries(partition, position, entry))
                self._rest.extend(deliveries)
                self._waiting[partition] += len(deliveries)
            except BaseException as error:  # it cannot be read: what follows is not to be taken for done
                for p, position, _ in reversed(entries[k:]):
                    self._tail.positions[p] = position - 1
                if not self._rest or not isinstance(error, Exception):
                    raise
                return  # what comes before it is handed out; then it comes again, and fails again
        if not entries:
            self._keep_up()

    def _read(self, timeout_s: float) -> list[StoredEntry]:
        """The next entries, of the copy that has some."""
        until = time.monotonic() + timeout_s
        while True:
            left_s = max(0.0, until - time.monotonic())
            entries = self._tail.take(min(left_s, LOOK_S) if self._copies.several else left_s, AT_ONCE)
            if entries:
                return entries
            if self._copies.further(self._tail.positions):
                self._tail.close()
                self._tail = Tail(self._stores, self._tail.positions, self._wanted.types)
                self._proven = [False] * self._stores.partitions
                self._prove()
            elif left_s <= LOOK_S or not self._copies.several:
                return entries

    @property
    def _stores(self) -> Stores:
        return self._copies.stores

    def _deliveries(self, partition: int, position: int, entry: msgspec.Raw) -> Iterator[Delivery]:
        parts = decode_parts(entry)
        for index, stored in enumerate(parts.events):
            if (position, index) < self._next[partition]:
                continue
            tag = tag_in(stored)
            if self._wanted.types.includes(tag):
                event = self._wanted.decode(tag, stored, parts.aggregate, position)
                id = f"{parts.command}-{index}"
                where = parts.aggregate, parts.version, partition, position, index, parts.time_ns
                yield Delivery(id, tag, event, *where, parts.correlation, parts.causation)

    def _keep_up(self) -> None:
        """Where nothing was wanted for long and nothing is open, a new start need not read all that again."""
        for partition, last in enumerate(self._tail.positions):
            at = self._next[partition]
            if self._out[partition] < at and last - at[0] > LAG:
                self._next[partition] = (last + 1, 0)
        if self._next != self._cursor.next:
            self._keep(self._next)


class _Wanted:
    """The wanted events, and how they are decoded."""

    def __init__(self, types: Sequence[type[Event] | str], app: Engine | None) -> None:
        names = [name for name in types if isinstance(name, str)]
        classes = {_tag(cls): cls for cls in types if not isinstance(cls, str)}
        if not types:
            raise ConfigError("a subscriber wants at least one type")
        strange = [] if app is None else [tag for tag in classes if tag not in app.events()]
        if strange:  # of an old version, perhaps: then it would get no new ones, and not know
            raise ConfigError("no aggregate applies what is subscribed to", event=strange[0])
        ways = {} if app is None else lifts(app)
        old = [tag for tag, lift in ways.items() if lift.target in classes]
        self.types = Types(names, exactly=[*classes, *old])
        self._typed = frozenset((*classes, *old))
        self._decoder = EventDecoder(ways, classes)

    def decode(self, tag: str, stored: msgspec.Raw, aggregate: str, position: int) -> Any:
        if tag in self._typed:
            return self._decoder.decode(stored, aggregate=aggregate, position=position)
        return msgspec.json.decode(stored)


def _tag(cls: type[Event]) -> str:
    try:
        return wire_tag(cls)
    except TypeError as error:
        raise ConfigError(str(error)) from None
