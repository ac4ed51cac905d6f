"""What a worker takes from the log, and up to where all of that is done.

    handed out     1  2  3  4  5  6
    done           x  x     x     x
    acknowledged   ───┘                  what comes after it is delivered again to the next life

Handlers of different aggregates end in any order; only what lies before the first that is open may be noted.
What is done and lies behind one that is open, such as one that fails for a day, takes a place and no more, so
that the others go on.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec.structs import replace

from engine.model.delivery import Delivery
from engine.reading.subscriber import Subscriber

MOST_OPEN = 1_000  # handed out and not done; the others stay in the store
MOST_OPEN_BYTES = 32 << 20  # of their events
MOST_BEHIND = 50_000  # done, behind one that is open: 20 MB, and as many come again if the process ends
AT_A_TIME = 100  # then their bytes are counted


_encode = msgspec.json.Encoder().encode


class Ledger:
    """The deliveries of each partition in their order. `count`: of those that are not settled, `behind` of
    which are done."""

    def __init__(self, partitions: int) -> None:
        self.count = self.behind = 0
        self._open: list[deque[Delivery]] = [deque() for _ in range(partitions)]
        self._done: set[str] = set()
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    @property
    def room(self) -> int:
        """How many more may be handed out."""
        if self._bytes >= MOST_OPEN_BYTES:
            return 0
        return min(MOST_OPEN - (self.count - self.behind), MOST_BEHIND - self.behind)

    def hand_out(self, deliveries: Sequence[Delivery]) -> None:
        """Notes what is being handled from now on."""
        for delivery in deliveries:
            self._open[delivery.partition].append(replace(delivery, event=None))
            size = self._sizes[delivery.id] = len(_encode(delivery.event))
            self._bytes += size
        self.count += len(deliveries)

    def done(self, delivery: Delivery) -> None:
        """Notes that a delivery has been handled."""
        self._done.add(delivery.id)
        self._bytes -= self._sizes.pop(delivery.id)
        self.behind += 1

    def settled(self) -> list[Delivery]:
        """The last delivery of each partition up to which everything is done, if there is a new one, without
        its event. Each is returned once."""
        last: list[Delivery] = []
        for waiting in self._open:
            before = None
            while waiting and waiting[0].id in self._done:
                before = waiting.popleft()
                self._done.discard(before.id)
                self.count -= 1
                self.behind -= 1
            if before is not None:
                last.append(before)
        return last

    def positions(self, taken: Sequence[int]) -> list[int]:
        """Up to where everything is done. `taken`: up to where everything that is wanted was handed out."""
        pairs = zip(self._open, taken, strict=True)
        return [waiting[0].position - 1 if waiting else at for waiting, at in pairs]


class Taking:
    """One worker's reading of the log. `give`: hands a delivery to who handles it; `now`: a clock in seconds
    that never goes back."""

    def __init__(
        self,
        subscriber: Subscriber,
        partitions: int,
        give: Callable[[Delivery], object],
        *,
        now: Callable[[], float],
        checkpoint_s: float,
    ) -> None:
        self._subscriber, self._give = subscriber, give
        self._ledger = Ledger(partitions)
        self._now, self._checkpoint_s, self._save_at = now, checkpoint_s, 0.0

    @property
    def open(self) -> int:
        """The number of deliveries that are not acknowledged."""
        return self._ledger.count

    @property
    def positions(self) -> list[int]:
        """Up to where everything is done, in each partition."""
        return self._ledger.positions(self._subscriber.positions)

    def turn(self, done: Iterable[Delivery]) -> bool:
        """Notes what is done, and hands out what is new. True if there was anything."""
        busy = False
        for delivery in done:
            self._ledger.done(delivery)
            busy = True
        if self._now() >= self._save_at:
            self._save()
        room = min(self._ledger.room, AT_A_TIME)
        taken = self._subscriber.take(0.0, room) if room > 0 else []
        self._ledger.hand_out(taken)
        for delivery in taken:
            self._give(delivery)
        return busy or bool(taken)

    def close(self, done: Iterable[Delivery] = ()) -> None:
        """Notes what is done, and closes the subscriber."""
        for delivery in done:
            self._ledger.done(delivery)
        self._save()
        self._subscriber.close()

    def _save(self) -> None:
        if settled := self._ledger.settled():
            self._subscriber.ack(*settled)
        self._save_at = self._now() + self._checkpoint_s
