"""The consumer: the reading end of a ring."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from ringbuffer.bell import Bell
from ringbuffer.errors import Aborted, PeerGone, RingError
from ringbuffer.fence import fence
from ringbuffer.file import RingFile
from ringbuffer.layout import (
    CONSUMED,
    CONSUMER_PID,
    FINISHED,
    PARKED,
    PRODUCER_PID,
    PUBLISHED,
)
from ringbuffer.mark import read_mark
from ringbuffer.runs import read
from ringbuffer.waiting import Park, WaitStrategy


@dataclass(frozen=True, slots=True)
class ConsumerStatistics:
    """Counts since this end was attached."""

    records: int
    takes: int  # those that returned records
    bytes: int  # with headers and padding
    parks: int  # how often it announced that it would sleep
    backlog: int  # bytes in the ring now
    capacity: int


class Consumer:
    """The one reader of a ring. What it took and did not release is delivered again to its successor."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        bell: Bell,
        liveness: Callable[[], bool] | None = None,
        strategy: WaitStrategy | None = None,
    ) -> None:
        """Attaches. `bell` is the consumer's own, and all rings that its process reads may share it;
        `liveness` says whether the producer is still alive. Raises RingError as `RingFile` does.
        """
        self._file = RingFile(path, CONSUMER_PID)
        self._bell = bell
        self._liveness = liveness
        self._strategy = strategy or Park()
        self.capacity = self._file.capacity
        self._data, self._words = self._file.data, self._file.words
        self._taken = self._began = self._words[CONSUMED]
        self._published = self._words[PUBLISHED]
        self._records = self._takes = self._parks = 0
        # Never back to 0, or the producer would take a new sleep for one that it has ended already.
        self._words[PARKED] = (self._words[PARKED] + 1) & -2

    def take(self, max_bytes: int = 1 << 20) -> list[bytes]:
        """Copies of the records after those already taken, oldest first; empty if there are none.

        Takes at least one run (layout.py), and no further one once it has `max_bytes`. The shared cursor does
        not move until `release`.
        """
        if max_bytes <= 0:
            raise ValueError(f"max_bytes is {max_bytes}")
        cursor = self._taken
        if self._published - cursor < max_bytes:
            self._published = self._words[PUBLISHED]
        stop = min(self._published, cursor + max_bytes)
        records: list[bytes] = []
        try:
            while cursor < stop:
                cursor = read(self._data, self._words, self.capacity, cursor, stop, records)
                if not records:  # only padding so far, which a record always follows
                    stop = max(stop, cursor + 1)
        except RingError as error:
            raise RingError("the ring is damaged", path=self._file.path, **error.facts) from None
        if cursor > self._published:
            raise RingError("a record reaches beyond what is published", path=self._file.path, cursor=cursor)
        if records:
            self._taken = cursor
            self._records += len(records)
            self._takes += 1
        return records

    def release(self) -> None:
        """Gives the space of everything taken back to the producer. To be called once the effects are
        durable."""
        self._words[CONSUMED] = self._taken

    def available(self) -> bool:
        """True if there is something to take."""
        if self._published == self._taken:
            self._published = self._words[PUBLISHED]
        return self._published != self._taken

    def wait(self, timeout_s: float, abort: Callable[[], bool] | None = None) -> bool:
        """Waits until there is something to take, and returns True; False if the time is up or the producer
        has finished. Raises Aborted and PeerGone; both are checked in every bounded wait.
        """
        if not timeout_s >= 0:  # nan too
            raise ValueError(f"timeout_s is {timeout_s}")
        until = time.monotonic() + timeout_s
        while not self.available():
            left_s = until - time.monotonic()
            if left_s <= 0 or self.finished:
                return self.available()
            if abort is not None and abort():
                raise Aborted("aborted while waiting for records", path=self._file.path)
            if self._liveness is not None and not self._liveness():
                raise PeerGone("the producer is gone", path=self._file.path)
            self._strategy.idle(self, left_s)
        return True

    def park(self, seconds: float) -> None:
        """Sleeps until the bell is rung, at most this long; not at all if there is something to take."""
        if self.prepare_wait():
            self._bell.wait(seconds)
            self.cancel_wait()

    def prepare_wait(self) -> bool:
        """Announces that this process is about to sleep on the bell. False: do not sleep, there is something.

        This is for a process that polls the bell together with other descriptors. After each call it must
        call `cancel_wait` and then check all rings of the bell, whatever the poll returned.
        """
        words = self._words
        words[PARKED] = words[PARKED] + 1 | 1  # a new odd number each time, so that each sleep is ended once
        self._parks += 1
        fence()
        if self.available():
            words[PARKED] = (words[PARKED] + 1) & -2
            return False
        return True

    def cancel_wait(self) -> None:
        """Ends the sleep: drains the bell, which is no longer rung for this ring."""
        self._words[PARKED] = (self._words[PARKED] + 1) & -2
        self._bell.drain()

    def fileno(self) -> int:
        """The descriptor of the bell, readable once it was rung."""
        return self._bell.fileno()

    @property
    def finished(self) -> bool:
        """True if the producer has finished and everything has been taken."""
        return bool(self._words[FINISHED]) and not self.available()

    @property
    def mark(self) -> int:
        """The producer's mark that belongs to what is published."""
        return read_mark(self._words)

    @property
    def backlog(self) -> int:
        """Bytes published and not yet released."""
        return self._words[PUBLISHED] - self._words[CONSUMED]

    @property
    def peer_pid(self) -> int:
        """The process id of the producer that attached last; 0 if none ever did."""
        return self._words[PRODUCER_PID]

    def statistics(self) -> ConsumerStatistics:
        """The counts so far."""
        return ConsumerStatistics(
            records=self._records,
            takes=self._takes,
            bytes=self._taken - self._began,
            parks=self._parks,
            backlog=self.backlog,
            capacity=self.capacity,
        )

    def close(self) -> None:
        """Detaches; what was taken and not released is delivered again. Closing twice does no harm."""
        self._file.close()

    def __enter__(self) -> "Consumer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
