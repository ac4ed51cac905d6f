"""Metering: what each kind of process notes on its meters, once a batch or once a turn."""

from collections import Counter
from collections.abc import Callable, Sequence

from engine.node.meters import Line
from engine.stages.gate import Gate
from engine.wire.batches import Batch
from engine.wire.busy import BusyReason


class InputMetering:
    """What the input turns away and journals. `now_ns`: a clock that never goes back."""

    def __init__(self, line: Line, now_ns: Callable[[], int]) -> None:
        self._busy = {reason: line.counter("busy", reason) for reason in BusyReason}
        self._refused, self._connections = line.counter("refused"), line.counter("connections")
        self._batch, self._flush = line.histograms["journal_batch"], line.histograms["journal_flush"]
        self._accepted = line.histograms["accepted"]
        self._now_ns, self._drained_ns = now_ns, 0

    def drained(self) -> None:
        """Messages have arrived."""
        self._drained_ns = self._now_ns()

    def journaled(self, commands: int, flush_ns: int) -> None:
        """Commands of those messages are durable."""
        self._batch.record(commands)
        self._flush.record(flush_ns // 1000)
        self._accepted.record((self._now_ns() - self._drained_ns) // 1000, commands)

    def refused(self, gate: Gate) -> None:
        """Takes what the gate has turned away since it was asked last."""
        if gate.busy:
            for reason, count in gate.busy.items():
                self._busy[reason].add(count)
            gate.busy.clear()
        if gate.refused:
            self._refused.add(gate.refused)
            gate.refused = 0

    def connected(self, connections: int) -> None:
        """So many clients are connected now."""
        self._connections.set(connections)


class CoreMetering:
    """What became of commands."""

    def __init__(self, line: Line) -> None:
        self._outcomes = dict(line.counters_of("outcomes"))

    def decided(self, outcomes: Counter[str]) -> None:
        """Takes what was decided since it was asked last."""
        for outcome, count in outcomes.items():
            self._outcomes[outcome].add(count)
        outcomes.clear()


class OutputMetering:
    """What the output makes durable. `now_ns`: the clock that commands are stamped by."""

    def __init__(self, line: Line, now_ns: Callable[[], int]) -> None:
        self._batch, self._flush = line.histograms["store_batch"], line.histograms["store_flush"]
        self._committed = line.histograms["committed"]
        self._now_ns = now_ns

    def stored(self, batches: Sequence[Batch], flush_ns: int) -> None:
        """They are durable and answered."""
        now_ns = self._now_ns()
        self._batch.record(batches[-1].last_sequence - batches[0].first_sequence + 1)
        self._flush.record(flush_ns // 1000)
        for batch in batches:
            commands = batch.last_sequence - batch.first_sequence + 1
            self._committed.record((now_ns - batch.time_ns) // 1000, commands)


class FollowerMetering:
    """How far behind a view or process manager applies what is stored. `now_ns`: the clock that
    commands are stamped by."""

    def __init__(self, line: Line, now_ns: Callable[[], int]) -> None:
        self._commits, self._applied = line.counter("applied_commits"), line.histograms["applied"]
        self._positions = [counter for _, counter in line.counters_of("positions")]
        self._now_ns, self._position = now_ns, -1

    def applied(self, positions: Sequence[int], time_ns: int) -> None:
        """Everything up to these positions, one a partition, is applied. `time_ns`: when the last of it was
        journaled; 0 if that is not known."""
        before, position = self._position, sum(positions)
        if position == before:
            return
        self._position = position
        for kept, at in zip(self._positions, positions, strict=False):
            kept.set(at)
        if 0 <= before < position:
            self._commits.add(position - before)
            if time_ns:
                self._applied.record((self._now_ns() - time_ns) // 1000, position - before)
