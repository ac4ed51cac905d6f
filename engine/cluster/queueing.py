"""Queueing: what a gate has admitted, on its way into the logs of commands. One message a partition at a time
is on its way; what comes meanwhile waits and goes with the next one.

    admitted ──▶ waiting ──append──▶ taken: accepted
                                     ├─ full: busy
                                     └─ no answer: the same message again, whose commands have the same ids
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from engine.cluster.logs import CommandLog, LogFull
from engine.wire.groups import Group
from engine.wire.replicated import encode_commands

MESSAGE_BYTES = 512 << 10
RETRY_S = 0.05  # a log without a leader says so at once
BUSY_AFTER_S = 1.0  # without an answer, what waits is turned away, and so is what comes then


@dataclass(eq=False)
class Drain:
    """What was admitted together: its early answers are due when all of it is taken."""

    accepted: list[tuple[bytes, bytes]]
    left: int = 0
    failed: bool = False


@dataclass(eq=False)
class _Flight:
    body: bytes
    parts: list[tuple[Drain, Group]]
    promise: "Future[int]"
    since: float
    tries: int = 1
    again_at: float | None = None
    """when to try again what was not answered"""


@dataclass
class Turned:
    """What has to be answered after a look: early answers, and groups that were turned away."""

    accepted: list[tuple[bytes, bytes]] = field(default_factory=list)
    full: dict[int, list[Group]] = field(default_factory=dict)


class Queueing:
    """The queues of one gate to all partitions. `now`: a clock in seconds that never goes back."""

    def __init__(self, gate: str, logs: Sequence[CommandLog], now: Callable[[], float]) -> None:
        self.messages = 0
        """how many were taken"""
        self._gate, self._logs, self._now = gate, logs, now
        self._waiting: list[deque[tuple[Drain, Group]]] = [deque() for _ in logs]
        self._flights: list[_Flight | None] = [None for _ in logs]

    @property
    def idle(self) -> bool:
        """True if nothing waits or is on its way."""
        return not any(self._waiting) and not any(self._flights)

    def stuck(self, partition: int) -> bool:
        """True if the log of a partition has not answered for long."""
        flight = self._flights[partition]
        return flight is not None and self._now() - flight.since > BUSY_AFTER_S

    def admit(self, groups: Mapping[int, Sequence[Group]], accepted: list[tuple[bytes, bytes]]) -> None:
        """Takes what the gate has admitted in one drain."""
        drain = Drain(accepted)
        for partition, some in groups.items():
            for group in some:
                self._waiting[partition].append((drain, group))
                drain.left += 1

    def look(self, arrived: Callable[[object], object]) -> Turned:
        """Sends what can be sent, and sees what has become of what was. `arrived` is called when there is
        something to see again."""
        turned = Turned()
        for partition in range(len(self._logs)):
            flight = self._flights[partition]
            if flight is not None and flight.again_at is not None:
                self._again(partition, flight, arrived)
            elif flight is not None and flight.promise.done():
                self._ended(partition, flight, turned)
            if self._flights[partition] is None and self._waiting[partition]:
                self._send(partition, arrived)
            if self.stuck(partition):  # the others go on
                turned.full.setdefault(partition, []).extend(self._away(partition))
        turned.full = {partition: some for partition, some in turned.full.items() if some}
        return turned

    def _send(self, partition: int, arrived: Callable[[object], object]) -> None:
        waiting, size = self._waiting[partition], 0
        parts: list[tuple[Drain, Group]] = []
        while waiting and (not parts or size + len(waiting[0][1][2]) <= MESSAGE_BYTES):
            part = waiting.popleft()
            parts.append(part)
            size += len(part[1][2])
        body = encode_commands(self._gate, [group for _, group in parts])
        promise = self._logs[partition].append(body)
        self._flights[partition] = _Flight(body, parts, promise, self._now())
        promise.add_done_callback(arrived)

    def _again(self, partition: int, flight: _Flight, arrived: Callable[[object], object]) -> None:
        if flight.again_at is not None and self._now() >= flight.again_at:
            flight.tries, flight.again_at = flight.tries + 1, None
            flight.promise = self._logs[partition].append(flight.body)
            flight.promise.add_done_callback(arrived)

    def _ended(self, partition: int, flight: _Flight, turned: Turned) -> None:
        error = flight.promise.exception()
        if error is None:
            self.messages += 1
            self._flights[partition] = None
            for drain, _ in flight.parts:
                drain.left -= 1
                if not drain.left and not drain.failed:
                    turned.accepted += drain.accepted
        elif isinstance(error, LogFull) and flight.tries == 1:
            self._flights[partition] = None
            turned.full.setdefault(partition, []).extend(self._fail(flight.parts))
        else:  # a log that is full now may have taken an earlier try
            flight.again_at = self._now() + RETRY_S

    def _away(self, partition: int) -> list[Group]:
        parts = list(self._waiting[partition])
        self._waiting[partition].clear()
        return list(self._fail(parts))

    def _fail(self, parts: list[tuple[Drain, Group]]) -> Iterator[Group]:
        for drain, group in parts:
            drain.failed = True
            yield group
