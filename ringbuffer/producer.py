"""The producer: the writing end of a ring."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from ringbuffer.bell import Bell
from ringbuffer.errors import Aborted, PeerGone, RingError, RingTimeout
from ringbuffer.fence import fence
from ringbuffer.file import RingFile
from ringbuffer.layout import (
    CONSUMED,
    CONSUMER_PID,
    FINISHED,
    PARKED,
    PRODUCER_PID,
    PUBLISHED,
    framed,
    longest_batch,
    longest_record,
)
from ringbuffer.mark import forget_prepared, prepare_mark, read_mark, set_mark
from ringbuffer.runs import Record, write_each, write_equal
from ringbuffer.waiting import Park, WaitStrategy

_FIRST_NAP_S = 0.00005
_LONGEST_NAP_S = 0.001


@dataclass(frozen=True, slots=True)
class ProducerStatistics:
    """Counts since this end was attached."""

    records: int
    batches: int
    bytes: int  # with headers and padding
    wakes: int  # how often the consumer's bell was rung
    full: int  # how often a batch did not fit at once
    backlog: int  # bytes in the ring now
    capacity: int


class Producer:
    """The one writer of a ring. If its process is killed, the next one continues where it stopped."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        bell: Bell,
        liveness: Callable[[], bool] | None = None,
        strategy: WaitStrategy | None = None,
    ) -> None:
        """Attaches. `bell` is the consumer's; `liveness` says whether the consumer is still alive, and is
        called at every bounded wait for room. Raises RingError as `RingFile` does.
        """
        self._file = RingFile(path, PRODUCER_PID)
        self._bell = bell
        self._liveness = liveness
        self._strategy = strategy or Park()
        self._nap_s = _FIRST_NAP_S
        self.capacity = self._file.capacity
        self.longest_record = longest_record(self.capacity)
        self._longest_batch = longest_batch(self.capacity)
        self._data, self._words = self._file.data, self._file.words
        self._published = self._words[PUBLISHED]
        self._limit = self._words[CONSUMED] + self.capacity
        self._rung = 0  # the parked epoch that was last answered with the bell
        self._records = self._batches = self._wakes = self._full = 0
        self._began = self._published
        self._ended = False
        forget_prepared(self._words)
        self._words[FINISHED] = 0

    def room(self) -> int:
        """The length of the longest single record that fits now, at most `longest_record`; -1 if none
        does."""
        self._limit = self._words[CONSUMED] + self.capacity
        free = self._limit - self._published
        tail = self.capacity - self._published % self.capacity
        return max(-1, min(max(min(free, tail), free - tail) - 8, self.longest_record))

    def try_publish(self, records: Sequence[Record], mark: int | None = None) -> bool:
        """Publishes all records at once, and the mark with them, or returns False and changes nothing
        visible.

        Raises ValueError for an empty batch, and for one that might not fit into an empty ring. That is one
        of more than half the capacity, where each record counts as 8 bytes more than its length, rounded up
        to 8.
        """
        published = self._write(records)
        if published is None:
            self._full += 1
            return False
        words = self._words
        if mark is not None:
            prepare_mark(words, mark, published)
        words[PUBLISHED] = self._published = published
        self._records += len(records)
        self._batches += 1
        fence()
        epoch = words[PARKED]
        if epoch & 1 and epoch != self._rung:  # once per sleep: the woken consumer may wait long for a core
            self._rung = epoch
            self._wakes += 1
            self._bell.ring()
        return True

    def _write(self, records: Sequence[Record]) -> int | None:
        """Writes after the published cursor; returns the cursor to publish, or None if there is no room."""
        if self._ended:
            raise RingError("published after finish", path=self._file.path)
        if not records:
            raise ValueError("a batch without records")
        if len(records) == 1:
            write, need = write_each, framed(len(records[0]))
        elif len(set(map(len, records))) == 1:
            write, need = write_equal, framed(len(records[0])) * len(records)
        else:
            write, need = write_each, sum(framed(len(record)) for record in records)
        if need > self._longest_batch:
            raise ValueError(f"the batch takes {need} bytes, and only {self._longest_batch} always fit")
        data, words, capacity, published = self._data, self._words, self.capacity, self._published
        cursor = write(data, words, capacity, published, self._limit, records)
        if cursor is None:  # as far as is known; the consumer may have come further
            self._limit = words[CONSUMED] + capacity
            cursor = write(data, words, capacity, published, self._limit, records)
        return cursor

    def publish(
        self,
        records: Sequence[Record],
        *,
        deadline_s: float,
        abort: Callable[[], bool] | None = None,
        mark: int | None = None,
    ) -> None:
        """Publishes, waiting for room for at most `deadline_s` seconds (may be infinite).

        A batch of at most half the capacity appears at once. A larger one appears in parts, each as large as
        possible, the mark with the last. Raises RingTimeout, Aborted (`abort` is called at every bounded
        wait) or PeerGone, each with the number of records that were published; ValueError as `try_publish`,
        at once.
        """
        if not deadline_s >= 0:  # nan too
            raise ValueError(f"deadline_s is {deadline_s}")
        parts = self._parts(records)
        until = time.monotonic() + deadline_s
        published = 0
        for part in parts:
            last = published + len(part) == len(records)
            self._nap_s = _FIRST_NAP_S
            while not self.try_publish(part, mark if last else None):
                seen = self._limit - self.capacity
                while self._words[CONSUMED] == seen:
                    self._wait_for_room(until, abort, published)
            published += len(part)

    def _parts(self, records: Sequence[Record]) -> list[Sequence[Record]]:
        """The batch, or as few parts of it as always fit."""
        sizes = [framed(len(record)) for record in records]
        if sum(sizes) <= self._longest_batch:
            return [records]
        if max(sizes) > self._longest_batch:
            raise ValueError(f"a record of over {self.longest_record} bytes never fits")
        parts: list[Sequence[Record]] = []
        start = total = 0
        for i, size in enumerate(sizes):
            if total + size > self._longest_batch:
                parts.append(records[start:i])
                start, total = i, 0
            total += size
        parts.append(records[start:])
        return parts

    def _wait_for_room(self, until: float, abort: Callable[[], bool] | None, published: int) -> None:
        if abort is not None and abort():
            raise Aborted("aborted while waiting for room", published, path=self._file.path)
        if self._liveness is not None and not self._liveness():
            raise PeerGone("the consumer is gone", published, path=self._file.path)
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise RingTimeout("no room in time", published, path=self._file.path, backlog=self.backlog)
        self._strategy.idle(self, left_s)

    def park(self, seconds: float) -> None:
        """Naps, each time longer. No bell is needed here, because a consumer with a full ring has work for
        longer than the longest nap, so it never waits for a producer that sleeps.
        """
        time.sleep(min(seconds, self._nap_s))
        self._nap_s = min(2 * self._nap_s, _LONGEST_NAP_S)

    @property
    def mark(self) -> int:
        """A u64 of the producer's own, kept in the ring; 0 in a new one. To change it together with what is
        published, pass it to `try_publish` or `publish`.
        """
        return read_mark(self._words)

    @mark.setter
    def mark(self, value: int) -> None:
        set_mark(self._words, value)

    @property
    def backlog(self) -> int:
        """Bytes published and not yet released."""
        return self._published - self._words[CONSUMED]

    @property
    def peer_pid(self) -> int:
        """The process id of the consumer that attached last; 0 if none ever did."""
        return self._words[CONSUMER_PID]

    def finish(self) -> None:
        """Declares that nothing more will be published, and wakes the consumer; may be called again."""
        if not self._ended:
            self._ended = True
            self._words[FINISHED] = 1
            self._bell.ring()

    def statistics(self) -> ProducerStatistics:
        """The counts so far."""
        return ProducerStatistics(
            records=self._records,
            batches=self._batches,
            bytes=self._published - self._began,
            wakes=self._wakes,
            full=self._full,
            backlog=self.backlog,
            capacity=self.capacity,
        )

    def close(self) -> None:
        """Detaches; the ring and what is in it stay. Closing twice does no harm."""
        self._file.close()

    def __enter__(self) -> "Producer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
