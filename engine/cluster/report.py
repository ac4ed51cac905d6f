"""The report on a cluster: what an operator wants to know of it, from the servers and from the beats.

Nothing of it needs a node: it can be asked for from any machine that reaches the servers.
"""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.cluster.founding import ASK_S, ClusterManifest
from engine.cluster.jetstream import FAILURES, JetStreamRegister, stream_of
from engine.cluster.link import Link
from engine.cluster.membership import BEAT_S, Beat
from engine.cluster.witness import flushes, is_disabled, names
from engine.wire.replicated import Decision, decode_decision

LISTEN_S = 5 * BEAT_S


class Replica(msgspec.Struct):
    """A copy of a log that does not lead. `lag`: in messages."""

    server: str
    current: bool
    lag: int


class Log(msgspec.Struct):
    """A log of a partition. `last`: the sequence of its last message."""

    leader: str
    first: int
    last: int
    gone: int
    replicas: list[Replica]


class Follower(msgspec.Struct):
    """How far the store of a node has followed. `lag_s`: the age of the oldest decision it does not have."""

    node: str
    position: int
    decision: int
    lag_events: int
    lag_s: float


class PartitionReport(msgspec.Struct):
    """A partition. `waiting`: messages of commands that are not decided; `code`: the mark of the code that
    decided last."""

    partition: int
    owner: str
    term: int
    sequence: int
    position: int
    waiting: int
    oldest_waiting_s: float
    commands: Log
    decisions: Log
    nodes: list[Follower]
    code: str


class NodeReport(msgspec.Struct):
    """A node that beats. `acts`: its process managers and workers that reach outside; `code`: the mark of the
    code with which it decides; `workers`: the node that is to run workers, by its settings."""

    node: str
    version: str
    ready: bool
    owns: list[int]
    acts: list[str]
    conflicts: int
    code: str
    workers: str


class ServerReport(msgspec.Struct):
    """A server whose monitoring port is known. `sync_always`: None if it did not say; `disabled`: it keeps
    nothing, as NATS has it after its disk was full."""

    server: str
    monitor: str
    version: str
    sync_always: bool | None
    disabled: bool


class Report(msgspec.Struct):
    """The whole. `owner_changes`: since the cluster was founded; `conflicts`: of the nodes' present lives."""

    name: str
    app: str
    owner_changes: int
    conflicts: int
    nodes: list[NodeReport]
    partitions: list[PartitionReport]
    servers: list[ServerReport]


def report_on(link: Link, name: str, manifest: ClusterManifest, monitors: list[str]) -> Report:
    """Asks all of them. Raises what the link raises (`FAILURES`)."""
    beats = heard(link, name)
    register = JetStreamRegister(link, name)
    partitions = [_partition(link, register, name, p, beats) for p in range(manifest.partitions)]
    nodes = [_node(beat) for beat in beats]
    servers = [_server_at(monitor) for monitor in monitors]
    changes = sum(max(0, one.term - 1) for one in partitions)
    conflicts = sum(node.conflicts for node in nodes)
    return Report(name, manifest.app, changes, conflicts, nodes, partitions, servers)


def _node(beat: Beat) -> NodeReport:
    terms, code, workers = sorted(beat.terms), beat.code, beat.workers
    return NodeReport(beat.node, beat.version, beat.ready, terms, beat.acts, beat.conflicts, code, workers)


def heard(link: Link, name: str, seconds: float = LISTEN_S) -> list[Beat]:
    """The last beat of each node that is there, in order of their names."""
    found: dict[str, Beat] = {}

    def hear(body: bytes) -> None:
        beat = msgspec.json.decode(body, type=Beat)
        found[beat.node] = beat

    JetStreamRegister(link, name).listen(hear)
    threading.Event().wait(seconds)
    return [found[node] for node in sorted(found)]


def last_decision(link: Link, name: str, partition: int, last: int) -> Decision | None:
    """What the last message of E says; None if there is none."""
    if not last:
        return None
    message: Any = link.ask(link.streams.get_msg(stream_of(name, "E", partition), last), ASK_S)
    return decode_decision(message.data or b"")


def _partition(
    link: Link, register: JetStreamRegister, name: str, partition: int, beats: list[Beat]
) -> PartitionReport:
    owner = register.owner(partition).result(ASK_S)
    commands, decisions = (_log(link, stream_of(name, log, partition)) for log in "CE")
    last = last_decision(link, name, partition, decisions.last) if decisions.last >= decisions.first else None
    decided = last.message if last else max(0, commands.first - 1)
    position = last.batches[-1].last_position if last and last.batches else 0
    waiting = max(0, commands.last - decided)
    return PartitionReport(
        partition,
        owner.node if owner else "",
        owner.term if owner else 0,
        last.sequence if last else 0,
        position,
        waiting,
        _age(link, stream_of(name, "C", partition), decided + 1) if waiting else 0.0,
        commands,
        decisions,
        [_follower(link, name, partition, beat, position, decisions.last) for beat in beats],
        last.code.hex() if last else "",
    )


def _follower(link: Link, name: str, partition: int, beat: Beat, position: int, last: int) -> Follower:
    here = beat.positions[partition] if partition < len(beat.positions) else 0
    stored = beat.decisions[partition] if partition < len(beat.decisions) else 0
    lag_s = _age(link, stream_of(name, "E", partition), stored + 1) if stored < last else 0.0
    return Follower(beat.node, here, stored, max(0, position - here), lag_s)


def _log(link: Link, stream: str) -> Log:
    info: Any = link.ask(link.streams.stream_info(stream), ASK_S)
    state, cluster = info.state, info.cluster
    replicas = [
        Replica(one.name, bool(one.current) and not one.offline, one.lag or 0)
        for one in (cluster.replicas if cluster else None) or []
    ]
    gone = state.last_seq - state.first_seq + 1 - state.messages if state.messages else 0
    return Log(cluster.leader or "" if cluster else "", state.first_seq, state.last_seq, gone, replicas)


def _age(link: Link, stream: str, sequence: int) -> float:
    """Seconds since the log took a message; 0 if it is not there."""
    try:
        message: Any = link.ask(link.streams.get_msg(stream, sequence), ASK_S)
    except FAILURES:
        return 0.0
    taken: datetime = message.time
    taken = taken if taken.tzinfo else taken.replace(tzinfo=UTC)
    return round(max(0.0, time.time() - taken.timestamp()), 3)


def _server_at(monitor: str) -> ServerReport:
    flushed = flushes(monitor)
    return ServerReport(*names(monitor), flushed, flushed is None and is_disabled(monitor))
