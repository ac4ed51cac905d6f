"""Repairing a cluster: what its logs have lost is appended again from a store, and damaged copies are made
again by the servers themselves.

A log that was shortened gets the very messages back that a store has kept, so the chain of all nodes holds. A
log that is gone begins behind a store (`beginning_of`), with as many messages as that store has kept, so that
stores which are a little behind follow by themselves.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from engine.base.errors import ConfigError, CorruptData, Fault
from engine.base.lock import is_held
from engine.cluster.founding import ASK_S
from engine.cluster.jetstream import FAILURES, JetStreamDecisions, stream_of
from engine.cluster.link import Link
from engine.cluster.logs import NoAnswer, Superseded
from engine.cluster.verifying import wait_until
from engine.cluster.witness import lost_commands
from engine.journal import last_sequence
from engine.node.data_directory import DataDirectory
from engine.store import Reader, Writer
from engine.store.kept import Kept, kept_upto
from engine.store.place import Place, decode_place
from engine.wire.log import decode_commit
from engine.wire.replicated import NO_DIGEST, decode_decision, digest_of

SETTLE_S = 30.0


def places_in(data: DataDirectory) -> list[Place]:
    """How far each store of a data directory has followed."""
    found = []
    for partition in range(data.partitions):
        if not data.has_store(partition):
            found.append(Place())
            continue
        with closing(data.reader(partition)) as reader:
            found.append(decode_place(reader.place()))
    return found


def append_again(link: Link, name: str, partition: int, data: DataDirectory, place: Place) -> tuple[int, int]:
    """(first, last) of the decisions that the log had lost and has again; (0, 0) if it has all that the store
    has. CorruptData if the store has not kept them, or belongs to another chain."""
    log = JetStreamDecisions(link, name, partition)
    last = _answer(log.last())
    if last >= place.decision:
        return 0, 0
    kept = [one for one in kept_upto(data.store(partition), place) if one.sequence > last]
    if not kept or kept[0].sequence != last + 1:
        text, hint = (
            "the store has not kept what the log lost",
            "`ringfold cluster init --from` begins logs again",
        )
        raise CorruptData(text, partition=partition, log=last, stored=place.decision, hint=hint)
    before = _answer(log.at(last)) if last else None
    if before is not None and digest_of(before) != decode_decision(kept[0].message).before:
        text = "the store has followed another chain than the log"
        raise CorruptData(text, partition=partition, decision=last)
    put(log, kept)
    _reach(link, stream_of(name, "C", partition), place.message)
    return kept[0].sequence, kept[-1].sequence


def put(log: JetStreamDecisions, kept: list[Kept]) -> None:
    """Appends messages, each at its place. Raises Fault if that cannot be done."""
    for one in kept:

        def is_there(one: Kept = one) -> bool:
            try:
                log.append(one.message, one.sequence - 1).result(ASK_S)
                return True
            except (NoAnswer, Superseded, TimeoutError):
                return bool(_answer(log.at(one.sequence)) == one.message)

        if not wait_until(is_there, SETTLE_S):
            raise Fault("a decision cannot be appended", decision=one.sequence, hint="do the servers answer?")


def reach(link: Link, name: str, partition: int) -> int:
    """Has new commands come behind those that are decided, or they would be passed over; the message behind
    which they come from now on, 0 if nothing had to be done."""
    _, decided = lost_commands(link, name, partition)
    if decided:
        _reach(link, stream_of(name, "C", partition), decided)
    return decided


def _reach(link: Link, stream: str, message: int) -> None:
    info: Any = link.ask(link.streams.stream_info(stream), ASK_S)
    if info.state.last_seq < message:
        link.ask(link.streams.purge_stream(stream, seq=message + 1), ASK_S)
        info = link.ask(link.streams.stream_info(stream), ASK_S)
        if info.state.last_seq < message:
            raise Fault("the log of commands cannot be moved on", stream=stream, last=info.state.last_seq)


def beginning_of(data: DataDirectory) -> Iterator[tuple[Place, list[Kept]]]:
    """Of each partition of a data directory on which no node runs: its place, and what it has kept. The
    stores of a node that was alone get a place. Raises ConfigError, CorruptData."""
    if is_held(data.lock):
        raise ConfigError("a node runs on this data directory", path=data.path, hint="stop it first")
    journaled = last_sequence(data.journal) if data.journal.exists() else 0
    behind = [p for p in range(data.partitions) if not data.has_store(p)]
    stored = 0
    for partition in range(data.partitions):
        if partition in behind:
            continue
        with closing(data.reader(partition)) as reader:
            stored = max(stored, reader.sequence())
    if journaled > stored:
        text, hint = "the journal has commands that no store has", "start a node on it alone, and stop it"
        raise ConfigError(text, path=data.path, journaled=journaled, stored=stored, hint=hint)
    for partition in range(data.partitions):
        if partition in behind:
            yield Place(), []
            continue
        with closing(data.reader(partition)) as reader:
            place = _place_in(reader)
            has_none = reader.place() is None
        if has_none:
            with closing(Writer(data.store(partition), data.map_bytes, index_key=data.index_key)) as writer:
                writer.move(place.encode())
        yield place, kept_upto(data.store(partition), place)


def _place_in(reader: Reader) -> Place:
    """How far a store has followed; of one that never did, where it is."""
    stored = reader.place()
    if stored is not None:
        return decode_place(stored)
    sequence = reader.sequence()
    last = next(iter(reader.entries_back()), None)
    time_ns = decode_commit(last[1]).time_ns if last else 0
    return Place(0, 0, sequence, sequence, time_ns, NO_DIGEST)


def lead_elsewhere(link: Link, stream: str, server: str) -> bool:
    """Has another server lead a log that this one leads. True if another one leads it."""
    prefix = "$JS.API.STREAM.LEADER.STEPDOWN"

    def leads_elsewhere() -> bool:
        try:
            info: Any = link.ask(link.streams.stream_info(stream), ASK_S)
            leader = info.cluster.leader if info.cluster else ""
            if leader and leader != server:
                return True
            link.ask(link.client.request(f"{prefix}.{stream}", b"", timeout=ASK_S), ASK_S)
        except FAILURES:
            pass
        return False

    return wait_until(leads_elsewhere, SETTLE_S)


def _answer(promise: Any) -> Any:
    try:
        return promise.result(ASK_S)
    except (NoAnswer, TimeoutError) as error:
        raise Fault("a log does not answer", error=repr(error)) from None
