"""The hub: reads what is stored once, and hands it to all streams that want it.

    doorbell ──▶ records after `positions`, from the stores ──▶ entries ──▶ groups ──▶ their streams

Streams that want the same form one group, for which the pieces are made once. What is handed out comes from
the stores alone; the doorbell only says when to look. Between two turns the hub pauses, longer the more
streams there are, so that a stream gets what has gathered in one piece, and not a piece for each event. While
there is no stream nothing is read.
"""

import asyncio
import contextlib
import time
from typing import NamedTuple

import msgspec
import zmq

from engine.gateway.frames import Frame, beat_of
from engine.gateway.streams import STOP_S, Stream
from engine.reading.stores import Stores
from engine.reading.tail import StoredEntry
from engine.store import Types
from engine.store.entries import aggregate_and_version, entries_in

LOOK_S = 0.25  # between two looks without a doorbell
PAUSE_S, PAUSE_A_STREAM_S = 0.005, 0.0002
BEAT_S = 15.0  # of silence, after which a stream says that it is alive, and how far it is
TURN_BYTES = 256 << 10  # of records, before streams may send
MOST_STREAMS = 1_000


class Wanted(NamedTuple):
    """What a stream wants, in which form. `types`: empty for all; `aggregate`: empty for all."""

    form: str
    types: tuple[str, ...] = ()
    aggregate: str = ""
    partition: int = -1


class _Group:
    """Streams that want the same."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.streams: set[Stream] = set()
        self.pieces: list[bytes] = []
        self._types = Types(wanted.types) if wanted.types else None

    def wants(self, entry: msgspec.Raw, partition: int) -> bool:
        """True if an entry of the aggregate that it wants, if it wants one alone, is wanted."""
        return self.wanted.partition in (-1, partition) and (self._types is None or self._types.wants(entry))


class Hub:
    """One for all streams of a gateway."""

    def __init__(self, stores: Stores, endpoints: list[str]) -> None:
        self._stores = stores
        self.positions: list[int] = []
        self._all: dict[Wanted, _Group] = {}  # of every aggregate
        self._by_aggregate: dict[str, dict[Wanted, _Group]] = {}
        self._open: set[Stream] = set()
        self._stopped = False
        self._count = 0  # of those that have joined
        self._rung = asyncio.Event()
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        self._socket.setsockopt(zmq.CONFLATE, 1)  # only that something came matters
        for endpoint in endpoints:
            self._socket.connect(endpoint)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._ring)
        self._turning = self._loop.create_task(self._turn())

    @property
    def count(self) -> int:
        """The streams that there are, also those that are still in the past."""
        return len(self._open)

    def open(self, stream: Stream) -> None:
        """There is one more."""
        self._open.add(stream)
        if self._stopped:
            stream.end(STOP_S)

    def join(self, wanted: Wanted, stream: Stream, after: list[int]) -> list[int]:
        """From now on the stream is offered what it wants; returns the positions after which it is."""
        if not self._count:
            self.positions = self._stores.positions()
            self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        # What the stream has seen and the hub has not, the others get now, so that all are at one place.
        while any(own < other for own, other in zip(self.positions, after, strict=True)) and self._read():
            self._hand_out()
        groups = self._by_aggregate.setdefault(wanted.aggregate, {}) if wanted.aggregate else self._all
        group = groups.setdefault(wanted, _Group(wanted))
        group.streams.add(stream)
        self._count += 1
        return list(self.positions)

    def leave(self, wanted: Wanted, stream: Stream) -> None:
        """It is offered nothing more, whether it has joined or not."""
        self._open.discard(stream)
        groups = self._by_aggregate.get(wanted.aggregate, {}) if wanted.aggregate else self._all
        group = groups.get(wanted)
        if group is None or stream not in group.streams:
            return
        group.streams.discard(stream)
        self._count -= 1
        if not group.streams:
            del groups[wanted]
        if wanted.aggregate and not groups:
            del self._by_aggregate[wanted.aggregate]
        if not self._count:
            self._socket.setsockopt(zmq.UNSUBSCRIBE, b"")

    def stop(self) -> None:
        """Ends all streams, and those that come."""
        self._stopped = True
        for stream in self._open:
            stream.end(STOP_S)

    async def close(self) -> None:
        """Ends the turning."""
        self._turning.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._turning
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close(0)

    def _groups_all(self) -> list[_Group]:
        groups = list(self._all.values())
        for some in self._by_aggregate.values():
            groups += some.values()
        return groups

    def _ring(self) -> None:
        with contextlib.suppress(zmq.Again):
            while True:
                self._socket.recv(zmq.NOBLOCK)
                self._rung.set()

    async def _turn(self) -> None:
        """Reads, hands out, pauses."""
        beat_at = time.monotonic() + 1.0
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), LOOK_S)
            self._rung.clear()
            self._ring()  # the descriptor tells only of changes
            while self._count and self._read():
                self._hand_out()
                await asyncio.sleep(0)
            if time.monotonic() > beat_at:
                beat_at = time.monotonic() + 1.0
                self._beat()
            await asyncio.sleep(PAUSE_S + self._count * PAUSE_A_STREAM_S)

    def _read(self) -> bool:
        """Gives every group its next pieces. False if nothing is new."""
        read = 0
        for partition in range(self._stores.partitions):
            reader = self._stores.reader(partition)
            if reader is None or reader.position() <= self.positions[partition]:
                continue
            for last, record in reader.records(self.positions[partition]):
                for position, entry in entries_in(record, self.positions[partition]):
                    self.positions[partition] = position
                    self._give((partition, position, entry))
                self.positions[partition] = last
                read += len(record)
                if read > TURN_BYTES:
                    return True
        return read > 0

    def _give(self, stored: StoredEntry) -> None:
        partition, _, entry = stored
        frame = Frame(stored, self.positions)
        groups = self._all
        if self._by_aggregate and (some := self._by_aggregate.get(aggregate_and_version(entry)[0])):
            groups = {**groups, **some}
        for group in groups.values():
            if group.wants(entry, partition):
                group.pieces.append(frame.as_(group.wanted.form))

    def _hand_out(self) -> None:
        for group in self._groups_all():
            if group.pieces:
                whole, group.pieces = b"".join(group.pieces), []
                for stream in group.streams:
                    stream.offer(whole)

    def _beat(self) -> None:
        now = time.monotonic()
        for group in self._groups_all():
            for stream in group.streams:
                if now - stream.touched > BEAT_S:
                    stream.offer(beat_of(group.wanted.form, self.positions))
