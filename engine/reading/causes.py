"""What is known of a command id: the source of traces. It asks the stores of a data directory and, where they
can be asked, the process managers of a running node.
"""

import heapq
from collections.abc import Iterator
from itertools import islice, starmap, takewhile
from typing import Protocol

import msgspec

from engine.managers.ended import TimerStory
from engine.model.commit import Commit
from engine.reading.stores import Stores
from engine.reading.trace import Link, link_of_timer
from engine.store import Child, Reader
from engine.wire.answers import Received


class TimersKnown(Protocol):
    """What process managers know of the timers that they set."""

    def set_by(self, command: str) -> list[TimerStory]:
        """The timers that were set because of a command."""

    def waiting(self, command: str) -> TimerStory | None:
        """The timer that will send a command."""


class Causes:
    """A source for `engine.reading.trace`. `timers`: None where no process manager can be asked. `searches`:
    how often all outcomes that are kept may be looked through. `room`: of commits, in bytes; their records,
    which are read for them, count an eighth. Both: None for as much as is needed. `exhausted`: it was more.
    """

    def __init__(
        self,
        stores: Stores,
        timers: TimersKnown | None = None,
        *,
        searches: int | None = None,
        room: int | None = None,
    ) -> None:
        self._stores, self._timers = stores, timers
        self._searches, self._room, self.exhausted = searches, room, False

    def find(self, id: str) -> Link | None:
        readers = self._readers()
        for partition, reader in readers:
            link = self._commit(partition, reader, id)
            if link is not None:
                return link
        timer = None if self._timers is None else self._timers.waiting(id)
        if timer is not None:
            return link_of_timer(timer)
        if self._searches is not None:
            self.exhausted = self.exhausted or self._searches == 0
            self._searches = max(0, self._searches - 1)
        for partition, reader in () if self.exhausted else readers:  # last, because it is a search
            answer = reader.find_outcome(id)
            if answer is not None:
                return _answered(id, answer, partition)
        return None

    def led_to(self, id: str, most: int) -> list[Link]:
        parts = [_children(partition, reader, id) for partition, reader in self._readers()]
        children = heapq.merge(*parts, key=lambda child: child[2].command)
        wanted = takewhile(lambda _: not self.exhausted, children)
        return list(islice(filter(None, starmap(self._link_of, wanted)), most))

    def timers_set_by(self, id: str) -> list[TimerStory]:
        return [] if self._timers is None else self._timers.set_by(id)

    def _link_of(self, partition: int, reader: Reader, child: Child) -> Link | None:
        link = self._commit(partition, reader, child.command) if child.position else None
        if link is not None:
            return link
        answer = None if self.exhausted else reader.find_outcome(child.command, child.sequence)
        return None if answer is None else _answered(child.command, answer, partition)

    def _commit(self, partition: int, reader: Reader, id: str) -> Link | None:
        if self._room is not None and self._room <= 0:
            self.exhausted = True
            return None
        located = reader.find_command(id)
        if located is None:
            return None
        if self._room is not None:
            events = msgspec.json.encode(located.commit.events)
            self._room -= len(events) + len(located.record[2]) // 8
        return _committed(located.commit, partition, located.position)

    def _readers(self) -> list[tuple[int, Reader]]:
        readers = ((p, self._stores.reader(p)) for p in range(self._stores.partitions))
        return [(partition, reader) for partition, reader in readers if reader is not None]


def _children(partition: int, reader: Reader, id: str) -> Iterator[tuple[int, Reader, Child]]:
    return ((partition, reader, child) for child in reader.children_of(id))


def _committed(commit: Commit, partition: int, position: int) -> Link:
    return Link(
        commit.command,
        "committed",
        aggregate=commit.aggregate,
        version=commit.version,
        partition=partition,
        position=position,
        time_ns=commit.time_ns,
        events=commit.events,
        result=commit.result,
        correlation=commit.correlation,
        causation=commit.causation,
    )


def _answered(id: str, answer: Received, partition: int) -> Link:
    return Link(
        id,
        answer.outcome,
        partition=partition,
        code=answer.code,
        message=answer.message,
        correlation=answer.correlation,
        causation=answer.causation,
    )
