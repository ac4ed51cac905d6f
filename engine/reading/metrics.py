"""The metrics of a running node, read from outside: what Prometheus scrapes, and `top` and `doctor` show.

Everything comes from shared pages, ring headers, the stores and the system, so that looking costs the
processes nothing. Names, kinds and labels are in `FAMILIES`; docs/METRICS.md says what each one means.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import psutil

from engine.base.errors import RingfoldError
from engine.base.files import free_bytes
from engine.node.child import AT_WORK
from engine.node.cluster_view import read_view
from engine.node.data_directory import DataDirectory
from engine.node.description import NodeDescription, read_description
from engine.node.endpoints import Endpoints
from engine.node.meters import Histogram, Line, upper_bound
from engine.node.roles import GATEWAY, INPUT, RINGS, SNAPSHOTTER, Kind, Role
from engine.node.senders import read_senders
from engine.node.status import Slot, State, StatusPage
from engine.reading.lags import applied_by, lag_behind
from engine.reading.stores import Stores
from ringbuffer import RingError, backlog_of

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
FOLLOWERS = (Kind.PROJECTOR, Kind.MANAGER, Kind.WORKER)


class Family(NamedTuple):
    """All metrics of one name."""

    kind: str
    help: str
    labels: tuple[str, ...] = ()


FAMILIES: Mapping[str, Family] = {
    "ringfold_build": Family("info", "What runs.", ("version", "app")),
    "ringfold_commands": Family(
        COUNTER, "Commands that were decided, or refused before that, by outcome.", ("outcome",)
    ),
    "ringfold_busy": Family(COUNTER, "Commands that were turned away for now, by reason.", ("reason",)),
    "ringfold_connections": Family(GAUGE, "Clients that are connected to the socket of commands."),
    "ringfold_senders": Family(GAUGE, "Who has sent anything in the last ten seconds.", ("name",)),
    "ringfold_busiest_sender_per_second": Family(
        GAUGE, "Commands of the one that has sent most in the last ten seconds; by HTTP, requests.", ("name",)
    ),
    "ringfold_lost_replies": Family(COUNTER, "Answers that a client was not there to take."),
    "ringfold_command_seconds": Family(
        HISTOGRAM, "From the arrival of a command until it is accepted, or committed.", ("until",)
    ),
    "ringfold_fsync_seconds": Family(HISTOGRAM, "How long it takes to make a batch durable.", ("file",)),
    "ringfold_commit_batch": Family(HISTOGRAM, "Commands that are made durable together.", ("file",)),
    "ringfold_applied_seconds": Family(
        HISTOGRAM, "From the stamp of a command until a follower has applied its events.", ("follower",)
    ),
    "ringfold_applied_commits": Family(COUNTER, "Commits that a follower has passed.", ("follower",)),
    "ringfold_stage_depth": Family(GAUGE, "Bytes that wait in the ring to a stage.", ("stage", "partition")),
    "ringfold_stage_room": Family(GAUGE, "Bytes that fit into the ring to a stage.", ("stage", "partition")),
    "ringfold_events": Family(COUNTER, "Commits in the event store.", ("partition",)),
    "ringfold_view_lag_events": Family(GAUGE, "Commits that a view has not applied.", ("view",)),
    "ringfold_view_lag_seconds": Family(GAUGE, "The age of the oldest of them.", ("view",)),
    "ringfold_process_lag_events": Family(
        GAUGE, "Commits that a process manager has not handled.", ("process",)
    ),
    "ringfold_process_lag_seconds": Family(GAUGE, "The age of the oldest of them.", ("process",)),
    "ringfold_worker_lag_events": Family(GAUGE, "Commits that a worker has not handled.", ("worker",)),
    "ringfold_dead_letters": Family(GAUGE, "Aggregates that a follower has set aside.", ("follower",)),
    "ringfold_outbox": Family(GAUGE, "Commands of a process manager without an answer.", ("process",)),
    "ringfold_timers": Family(GAUGE, "Timers that a process manager has set.", ("process",)),
    "ringfold_snapshots": Family(COUNTER, "Snapshots that were taken."),
    "ringfold_snapshot_age_seconds": Family(GAUGE, "The age of the newest snapshot.", ("partition",)),
    "ringfold_store_map_used_ratio": Family(
        GAUGE, "The part of the address space of the event store that is used.", ("partition",)
    ),
    "ringfold_disk_free_bytes": Family(GAUGE, "Room on the disk of the data directory."),
    "ringfold_memory_available_bytes": Family(GAUGE, "Memory that the machine has left."),
    "ringfold_process_up": Family(GAUGE, "1 while a process is at work.", ("name",)),
    "ringfold_process_restarts": Family(COUNTER, "How often a process was started again.", ("name",)),
    "ringfold_process_cpu_seconds": Family(COUNTER, "Processor time of a process.", ("name",)),
    "ringfold_process_memory_bytes": Family(GAUGE, "Resident memory of a process.", ("name",)),
    "ringfold_clock_behind_seconds": Family(GAUGE, "How far the clock is behind the last stamp."),
    "ringfold_cluster_owner": Family(
        GAUGE, "1 for the node that owns a partition, as this one hears.", ("partition", "node")
    ),
    "ringfold_cluster_term": Family(
        GAUGE, "How often a partition has got an owner; 0: none that is there.", ("partition",)
    ),
    "ringfold_cluster_owner_changes": Family(COUNTER, "How often this node has become an owner."),
    "ringfold_cluster_conflicts": Family(
        COUNTER, "How often another node had decided first.", ("partition",)
    ),
    "ringfold_cluster_node_up": Family(GAUGE, "1 while this node hears another one, or itself.", ("node",)),
    "ringfold_cluster_lag_events": Family(GAUGE, "Commits that a node has not stored.", ("node",)),
    "ringfold_cluster_lag_seconds": Family(GAUGE, "For how long it has lacked some.", ("node",)),
    "ringfold_scrub_left_events": Family(GAUGE, "Commits that the look for damage has not reached."),
}


class Distribution(NamedTuple):
    """A histogram in the unit of its name. `buckets`: (upper bound, values up to it), the last bound left
    out, as its count is that of all."""

    buckets: list[tuple[float, int]]
    values: int
    total: float


class Sample(NamedTuple):
    """One metric. `labels`: the values of the labels of its family, in order."""

    name: str
    labels: tuple[str, ...]
    value: float | Distribution


class Metrics:
    """The metrics of the node that `endpoints` lead to, each time they are asked for. Raises Fault if the
    node is gone."""

    def __init__(self, endpoints: Endpoints, version: str) -> None:
        self._node: NodeDescription = read_description(endpoints.run)
        self._version = version
        self._status = StatusPage.attach(endpoints.status)
        self._meters = self._node.meters()
        self._data = DataDirectory.at(endpoints.data)
        self._stores = Stores(endpoints.data)
        self._processes: dict[int, psutil.Process] = {}

    def samples(self) -> Iterator[Sample]:
        """All of them; those of one name follow each other."""
        found = [*self._of_commands(), *self._of_followers(), *self._of_files(), *self._of_processes()]
        found += self._of_cluster()
        order = {name: number for number, name in enumerate(FAMILIES)}
        return iter(sorted(found, key=lambda sample: order[sample.name]))

    def line(self, role: Role) -> Line:
        """The meters of one process."""
        return self._meters.lines[role.name]

    def slot(self, role: Role) -> Slot:
        """The line of one process on the status page."""
        return self._status.slot(role.name)

    def close(self) -> None:
        """Lets go of pages and stores."""
        self._status.close()
        self._meters.close()
        self._stores.close()

    def __enter__(self) -> "Metrics":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ by where they come from

    def _of_commands(self) -> Iterator[Sample]:
        yield Sample("ringfold_build", (self._version, self._node.app), 1)
        given, partitions = self.line(INPUT), range(self._node.endpoints.partitions)
        outcomes: dict[str, int] = {}
        for partition in partitions:
            for outcome, counter in self.line(Role(Kind.CORE, partition)).counters_of("outcomes"):
                outcomes[outcome] = outcomes.get(outcome, 0) + counter.value
        outcomes["refused"] = given.counter("refused").value
        for outcome, count in outcomes.items():
            yield Sample("ringfold_commands", (outcome,), count)
        for reason, counter in given.counters_of("busy"):
            yield Sample("ringfold_busy", (reason,), counter.value)
        yield Sample("ringfold_connections", (), given.counter("connections").value)
        for role in filter(self._node.roles.__contains__, (INPUT, GATEWAY)):
            seen = read_senders(Path(self._node.run), role.name)
            yield Sample("ringfold_senders", (role.name,), seen.count)
            most = seen.senders[0].per_s if seen.senders else 0.0
            yield Sample("ringfold_busiest_sender_per_second", (role.name,), most)
        yield Sample("ringfold_lost_replies", (), self.slot(INPUT).lost_replies)
        stored = [self.line(Role(Kind.OUTPUT, partition)).histograms for partition in partitions]
        for name, file, unit, mine, theirs in (
            ("ringfold_command_seconds", ("accepted", "committed"), 1e6, "accepted", "committed"),
            ("ringfold_fsync_seconds", ("journal", "store"), 1e6, "journal_flush", "store_flush"),
            ("ringfold_commit_batch", ("journal", "store"), 1, "journal_batch", "store_batch"),
        ):
            yield Sample(name, (file[0],), _distribution([given.histograms[mine]], unit))
            yield Sample(name, (file[1],), _distribution([one[theirs] for one in stored], unit))
        for ring in RINGS:
            for partition in partitions:
                with contextlib.suppress(OSError, RingError):
                    used, capacity = backlog_of(self._node.ring(ring, partition))
                    where = (str(ring.reader), str(partition))
                    yield Sample("ringfold_stage_depth", where, used)
                    yield Sample("ringfold_stage_room", where, capacity)

    def _of_followers(self) -> Iterator[Sample]:
        stored = self._stores.positions()
        for partition, position in enumerate(stored):
            yield Sample("ringfold_events", (str(partition),), position)
        now_ns = self._data.clock.now_ns()
        for role in self._node.roles:
            if role.kind not in FOLLOWERS:
                continue
            slot, name = self.slot(role), (role.subject,)
            yield Sample("ringfold_dead_letters", (role.name,), slot.dead_letters)
            if role.kind is Kind.WORKER:
                lag = max(0, sum(stored) - slot.position)
                yield Sample("ringfold_worker_lag_events", name, lag)
                continue
            line = self.line(role)
            yield Sample("ringfold_applied_commits", (role.name,), line.counter("applied_commits").value)
            applied = _distribution([line.histograms["applied"]], 1e6)
            yield Sample("ringfold_applied_seconds", (role.name,), applied)
            events, seconds = lag_behind(self._stores, stored, applied_by(line, len(stored)), now_ns)
            kind = "view" if role.kind is Kind.PROJECTOR else "process"
            yield Sample(f"ringfold_{kind}_lag_events", name, events)
            yield Sample(f"ringfold_{kind}_lag_seconds", name, seconds)
            if role.kind is Kind.MANAGER:
                yield Sample("ringfold_outbox", name, slot.outbox)
                yield Sample("ringfold_timers", name, slot.timers)

    def _of_files(self) -> Iterator[Sample]:
        now_s = time.time()
        if any(role == SNAPSHOTTER for role in self._node.roles):
            yield Sample("ringfold_snapshots", (), self.slot(SNAPSHOTTER).snapshots_taken)
        for partition in range(self._node.endpoints.partitions):
            label = (str(partition),)
            snapshots = self._data.snapshot_folder(partition).snapshots()
            with contextlib.suppress(OSError):
                if snapshots:
                    made_s = max(file.path.stat().st_mtime for file in snapshots)
                    yield Sample("ringfold_snapshot_age_seconds", label, max(0.0, now_s - made_s))
            with contextlib.suppress(OSError):
                used = (self._data.store(partition) / "data.mdb").stat().st_size
                yield Sample("ringfold_store_map_used_ratio", label, used / self._node.config.map_bytes)
        yield Sample("ringfold_disk_free_bytes", (), free_bytes(self._data.path))
        yield Sample("ringfold_memory_available_bytes", (), psutil.virtual_memory().available)
        yield Sample("ringfold_clock_behind_seconds", (), self.slot(INPUT).clock_behind_ms / 1000)
        left = max(slot.scrub_left for slot in map(self._status.slot, self._status.names))
        yield Sample("ringfold_scrub_left_events", (), left)

    def _of_cluster(self) -> Iterator[Sample]:
        view = read_view(Path(self._node.run))
        if view is None:
            return
        yield Sample("ringfold_cluster_owner_changes", (), view.owner_changes)
        for partition in view.partitions:
            label = (str(partition.partition),)
            yield Sample("ringfold_cluster_term", label, partition.term)
            if partition.owner:
                yield Sample("ringfold_cluster_owner", (*label, partition.owner), 1)
            slot = self.slot(Role(Kind.OUTPUT, partition.partition))
            yield Sample("ringfold_cluster_conflicts", label, slot.conflicts)
        for node in view.nodes:
            yield Sample("ringfold_cluster_node_up", (node.node,), float(node.there))
            yield Sample("ringfold_cluster_lag_events", (node.node,), node.lag_events)
            yield Sample("ringfold_cluster_lag_seconds", (node.node,), node.lag_s)

    def _of_processes(self) -> Iterator[Sample]:
        for role in self._node.roles:
            name, slot = (role.name,), self.slot(role)
            yield Sample("ringfold_process_up", name, float(State(slot.state) in AT_WORK))
            yield Sample("ringfold_process_restarts", name, slot.restarts)
            with contextlib.suppress(psutil.Error, RingfoldError):
                process = self._process(slot.pid)
                times = process.cpu_times()
                yield Sample("ringfold_process_cpu_seconds", name, times.user + times.system)
                yield Sample("ringfold_process_memory_bytes", name, process.memory_info().rss)

    def _process(self, pid: int) -> psutil.Process:
        """Of a child of this node: another program may have its number by now."""
        process = self._processes.get(pid)
        if process is None or not process.is_running():
            process = self._processes[pid] = psutil.Process(pid or os.getpid())
        if process.ppid() != self._node.endpoints.pid:
            raise psutil.NoSuchProcess(pid)
        return process


def _distribution(histograms: list[Histogram], unit: float) -> Distribution:
    """Several histograms as one, a bucket for each doubling."""
    counts = [sum(column) for column in zip(*(one.buckets for one in histograms), strict=True)]
    bounds = [(upper_bound(bucket), total) for bucket, total in enumerate(accumulate(counts))]
    doublings = [(bound / unit, total) for bound, total in bounds[3:-1:4]]
    total = sum(one.sum for one in histograms)
    return Distribution(doublings, sum(counts), total / unit)
