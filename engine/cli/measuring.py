"""Measuring a running node: what has changed from one look at it to the next."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import psutil

from engine.base.errors import RingfoldError
from engine.cli.observing import Observation
from engine.cli.sending import Sending, documents, lines_of, senders_of
from engine.cli.sizes import size_text
from engine.node.data_directory import DataDirectory
from engine.node.description import read_description
from engine.node.endpoints import Endpoints
from engine.node.roles import INPUT, RINGS, Kind, Role
from engine.node.running import find_node

ASKED_EVERY_S = 2.0  # followers answer between their work; more often would be a load
APART_S = 0.5  # two looks of a command that looks once
MS_PER_US = 1e-3


class Measured(NamedTuple):
    """One look. `rates`: of each process, a second. `waits`: the share of the ring before it that is full.
    `busy`: commands that were answered busy since the node began, and since the look before, by the reason.
    `committed_ms`: (p50, p99) until `committed` since the node began; None if nothing was. `lagging`,
    `aside`: how many more events a follower is behind, and aggregates it has set aside, a second; less than 0
    if fewer. `senders`: who has sent most in the last ten seconds, by the process that took it."""

    seen: Observation
    seconds: float
    rates: dict[str, float]
    waits: dict[str, float]
    busy: dict[str, tuple[int, int]]
    committed_ms: tuple[float, float] | None
    cpu: dict[str, float]
    memory: dict[str, int]
    lagging: dict[str, float]
    aside: dict[str, float]
    senders: dict[str, list[Sending]]

    def table(self) -> Iterator[tuple[object, ...]]:
        """A row for each process, in the order of the headings of `top`."""
        for name, row in self.seen.rows.items():
            waits = f"{self.waits[name]:.0%}" if name in self.waits else None
            cpu = f"{self.cpu[name]:.0f}%" if name in self.cpu else None
            memory = size_text(self.memory[name]) if name in self.memory else None
            lag_s = None if row["lag_s"] is None else f"{row['lag_s']:.1f}"
            told = (row["state"], str(row["pid"]), round(self.rates[name]), row["lag"], lag_s, waits)
            yield (name, *told, row["restarts"], row["dead_letters"], cpu, memory)

    def headline(self) -> str:
        """The node, and how much goes through it."""
        node = self.seen.node
        stored = sum(self.rates[Role(Kind.OUTPUT, p).name] for p in range(node.partitions))
        flow = f"{self.rates[INPUT.name]:,.0f} commands/s, {stored:,.0f} events/s"
        text = f"node {node.app}, pid {node.pid}: {flow}"
        if self.committed_ms is None:
            return text
        return (
            f"{text}; committed in {self.committed_ms[0]:.1f} ms (p50), {self.committed_ms[1]:.1f} ms (p99)"
        )

    def remarks(self) -> list[str]:
        """What an operator should see below the table."""
        busy = ", ".join(f"{reason} {all:,} (+{new:,})" for reason, (all, new) in self.busy.items() if all)
        found = [f"busy: {busy or 'none'}", *lines_of(self.senders)]
        return found + [f"notice: {text}" for text in self.seen.notices]

    def document(self) -> dict[str, Any]:
        """The same for programs."""
        processes = {
            name: {
                **row,
                "per_s": round(self.rates[name], 1),
                "lag_per_s": round(self.lagging[name], 1) if name in self.lagging else None,
                "waits": self.waits.get(name),
                "cpu_percent": self.cpu.get(name),
                "memory_bytes": self.memory.get(name),
            }
            for name, row in self.seen.rows.items()
        }
        return {
            "app": self.seen.node.app,
            "seconds": round(self.seconds, 3),
            "committed_ms": self.committed_ms,
            "processes": processes,
            "rings": {
                name: {"used": used, "capacity": all} for name, (used, all) in self.seen.rings().items()
            },
            "busy": {reason: {"total": all, "new": new} for reason, (all, new) in self.busy.items()},
            "senders": documents(self.senders),
            "notices": self.seen.notices,
        }


class Meter:
    """Looks at a node, and remembers the look before. A node that is started again is found again."""

    def __init__(self, data: DataDirectory, node: Endpoints) -> None:
        self._data, self._node = data, node
        self._before: Observation | None = None
        self._busy: dict[str, int] = {}
        self._at = self._asked_at = 0.0
        self._processes: dict[int, psutil.Process] = {}

    def look(self) -> Measured:
        """Looks once. Raises RingfoldError if no node runs."""
        now = time.monotonic()
        asks = now - self._asked_at >= ASKED_EVERY_S
        seen = self._observed(asks)
        before = self._before or seen
        if asks:
            self._asked_at = now
        else:
            seen.silent = before.silent
            for name, row in seen.rows.items():
                row["lag_s"] = before.rows[name]["lag_s"]
        seconds = max(1e-3, now - self._at)
        self._before, self._at = seen, now
        rates = {name: _moved(before, seen, name) / seconds for name in seen.rows}
        busy, committed_ms = metered(seen)
        told = {
            reason: (count, max(0, count - self._busy.get(reason, count))) for reason, count in busy.items()
        }
        self._busy = busy
        cpu, memory = self._used(seen)
        lagging, aside = (_more(before, seen, word, seconds) for word in ("lag", "dead_letters"))
        waits, senders = _waits(seen), senders_of(seen)
        return Measured(
            seen, seconds, rates, waits, told, committed_ms, cpu, memory, lagging, aside, senders
        )

    def _observed(self, asks: bool) -> Observation:
        try:
            return Observation(self._data, self._node, ask_followers=asks)
        except RingfoldError:  # its page is gone, and with it what was counted
            self._node = find_node(self._data)
            self._before, self._busy = None, {}
            return Observation(self._data, self._node)

    def _used(self, seen: Observation) -> tuple[dict[str, float], dict[str, int]]:
        """Percent of a core since the last look, and resident bytes, of each process."""
        cpu: dict[str, float] = {}
        memory: dict[str, int] = {}
        known, self._processes = self._processes, {}
        for name, row in seen.rows.items():
            with contextlib.suppress(psutil.Error):
                process = known.get(row["pid"]) or psutil.Process(row["pid"])
                self._processes[row["pid"]] = process
                cpu[name], memory[name] = process.cpu_percent(), process.memory_info().rss
        return cpu, memory


def two_looks(data: DataDirectory, node: Endpoints) -> Measured:
    """The second of two looks, a moment apart, so that it has rates."""
    meter = Meter(data, node)
    meter.look()
    time.sleep(APART_S)
    return meter.look()


def _more(before: Observation, seen: Observation, word: str, seconds: float) -> dict[str, float]:
    """How much more of it each process has than before, a second; of those that have any."""
    return {
        name: (row[word] - before.rows[name][word]) / seconds
        for name, row in seen.rows.items()
        if row[word] is not None and before.rows[name][word] is not None
    }


def _moved(before: Observation, seen: Observation, name: str) -> int:
    """Commands of the input, events of all others."""
    word = "sequence" if name == INPUT.name else "position"
    was, now = before.rows[name][word], seen.rows[name][word]
    return int(max(0, now - was))


def _waits(seen: Observation) -> dict[str, float]:
    """How full the ring before each process is; the input has one of each partition."""
    found: dict[str, float] = {}
    levels = seen.rings()
    for ring in RINGS:
        for p in range(seen.node.partitions):
            used, capacity = levels.get(f"{ring.name}-{p}", (0, 0))
            if capacity:
                reader = Role(ring.reader, p).name
                found[reader] = max(found.get(reader, 0.0), used / capacity)
    return found


def metered(seen: Observation) -> tuple[dict[str, int], tuple[float, float] | None]:
    """What the meters say: busy answers by the reason, and how long commands took, in ms."""
    with read_description(seen.node.run).meters() as meters:
        busy = {label: one.value for label, one in meters.lines[INPUT.name].counters_of("busy")}
        outputs = [meters.lines[Role(Kind.OUTPUT, p).name] for p in range(seen.node.partitions)]
        times = [line.histograms["committed"] for line in outputs]
        if not any(histogram.count for histogram in times):
            return busy, None
        p50, p99 = (max(one.quantile(share) for one in times) * MS_PER_US for share in (0.5, 0.99))
        return busy, (p50, p99)
