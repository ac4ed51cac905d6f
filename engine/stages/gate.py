"""The gate, which admits messages or refuses them. It is pure: bytes in, verdicts out.

Each message is decoded by itself, so that none depends on its neighbours: `[…],[…]` or half an object is
malformed, whatever comes before or after it. Only then are single commands of one client joined into one
array, which the core decodes faster. Cheap checks come first: the size, then the envelope of each command
(ids, aggregates, how many), then the client's share of what is in flight.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.identity import partition_of
from engine.node.config import Config
from engine.node.senders import Tally
from engine.stages.backlog import Backlog
from engine.wire.answers import Accepted, Busy, Failed
from engine.wire.batches import decode_replies
from engine.wire.busy import TEXTS, BusyReason
from engine.wire.commands import (
    Envelope,
    decode_envelope,
    decode_envelopes,
    horizon_of,
    join_commands,
    split_commands,
    wrong_with,
)
from engine.wire.groups import Group

LONGEST_ECHOED_ID = 64
CANONICAL_ID = 32
LEAST_REFUSAL_BYTES = 1 << 14
GROUP_COMMANDS = 1_000  # a larger array is divided, because what the core makes of it has to fit into a ring


class _Named(msgspec.Struct):
    id: str


_decode_named = msgspec.json.Decoder(_Named).decode


@dataclass(frozen=True)
class Limits:
    """The limits of one client, so that none can stop the others."""

    message_bytes: int
    commands_per_message: int
    in_flight_per_client: int
    longest_wait_s: float = 0.0

    @classmethod
    def of(cls, config: Config) -> "Limits":
        """The limits that a node is configured with."""
        return cls(
            config.max_message_bytes,
            config.max_commands_per_message,
            config.max_in_flight_per_client,
            config.max_wait_ms / 1000,
        )


@dataclass
class Admitted:
    """What one drain admits: groups by partition, and answers that are due at once or after the fsync."""

    groups: dict[int, list[Group]] = field(default_factory=dict)
    refused: list[tuple[bytes, bytes]] = field(default_factory=list)
    accepted: list[tuple[bytes, bytes]] = field(default_factory=list)


class Gate:
    """The gate of one node, which counts what each client has in flight, and what waits for each
    partition. `busy`: how many commands were turned away, by reason; `refused`: how many were answered
    `failed`; `tally`: what each client sent."""

    def __init__(self, limits: Limits, partitions: int) -> None:
        self.limits = limits
        self.partitions = partitions
        self.in_flight: dict[bytes, int] = {}
        self.busy: Counter[BusyReason] = Counter()
        self.refused = 0
        self.tally = Tally[bytes]()
        self.backlogs = [Backlog(limits.longest_wait_s) for _ in range(partitions)]
        self._horizon = horizon_of(0)

    def admit(
        self, messages: Iterable[tuple[bytes, bytes]], now_ns: int, busy: BusyReason | None = None
    ) -> Admitted:
        """Sorts drained (who, body) messages. `busy`: the reason to refuse everything.

        `now_ns`: the clock, or the last stamp where that is later, because ids follow from stamps too.
        What one client sent keeps its order. Answers are JSON without the brackets of their array.
        """
        admitted = Admitted()
        self._horizon = horizon_of(now_ns)
        limit = self.limits.message_bytes
        singles: dict[bytes, list[bytes]] = {}
        for who, body in messages:
            if len(body) > limit:
                text = f"a message may have {limit} bytes, this one has {len(body)}"
                self._refuse(admitted, who, [Failed(None, "too-large", text).encode()])
            elif body.lstrip()[:1] == b"[":
                if who in singles:
                    self._singles(admitted, who, singles.pop(who), busy)
                self._array(admitted, who, body, busy)
            else:
                singles.setdefault(who, []).append(body)
        for who, bodies in singles.items():
            self._singles(admitted, who, bodies, busy)
        return admitted

    def turn_away(
        self, groups: Mapping[int, Sequence[Group]], reason: BusyReason
    ) -> Iterator[tuple[bytes, bytes]]:
        """(who, answers) for groups that were admitted and for which there was no room: `busy` for all of
        them."""
        for partition, some in groups.items():
            for who, count, body in some:
                self._left(who, count)
                self.backlogs[partition].turned_away(count)
                yield who, self._busy(who, decode_envelopes(body), reason)

    def given(self, groups: Mapping[int, Sequence[Group]], last: Sequence[int]) -> None:
        """Notes that admitted groups are journaled. `last`: the last sequence of each partition."""
        for partition, some in groups.items():
            self.backlogs[partition].given(last[partition], sum(count for _, count, _ in some))

    def look(self, stored: Iterable[int], now: float) -> None:
        """Learns the last sequence that each partition has stored. `now`: seconds that never go back."""
        for backlog, sequence in zip(self.backlogs, stored, strict=True):
            backlog.look(sequence, now)

    def answers(self, records: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """(who, answers) in records of the output stage, those to one client joined. The answered commands
        are no longer in flight."""
        bodies: dict[bytes, list[bytes]] = {}
        for record in records:
            for who, count, body in decode_replies(record):
                self._left(who, count)
                bodies.setdefault(who, []).append(body)
        for who, parts in bodies.items():
            yield who, b",".join(parts)

    def _left(self, who: bytes, count: int) -> None:
        """Notes that commands of a client are no longer in flight."""
        left = self.in_flight.get(who, 0) - count
        if left > 0:
            self.in_flight[who] = left
        else:
            self.in_flight.pop(who, None)

    def _array(self, admitted: Admitted, who: bytes, body: bytes, busy: BusyReason | None) -> None:
        try:
            envelopes = decode_envelopes(body)
        except NOT_DECODABLE as error:
            try:
                bodies = split_commands(body)
            except NOT_DECODABLE:
                self._refuse(admitted, who, [Failed(None, "malformed", str(error)).encode()])
                return
            if len(bodies) > self.limits.commands_per_message:
                self._refuse(admitted, who, [self._too_many(None, len(bodies))])
            else:
                self._one_by_one(admitted, who, bodies, busy)
            return
        if not envelopes:
            self._refuse(admitted, who, [Failed(None, "malformed", "a message holds no command").encode()])
        elif len(envelopes) > self.limits.commands_per_message:
            refusals = [self._too_many(envelope.id, len(envelopes)) for envelope in envelopes]
            self._refuse(admitted, who, refusals)
        elif wrong_with(envelopes, self._horizon):
            self._one_by_one(admitted, who, split_commands(body), busy)
        else:
            self._let_in(admitted, who, envelopes, body, busy)

    def _singles(self, admitted: Admitted, who: bytes, bodies: list[bytes], busy: BusyReason | None) -> None:
        try:
            envelopes = list(map(decode_envelope, bodies))
        except NOT_DECODABLE:
            self._one_by_one(admitted, who, bodies, busy)
            return
        if wrong_with(envelopes, self._horizon):
            self._one_by_one(admitted, who, bodies, busy)
            return
        room = max(0, self.limits.in_flight_per_client - self.in_flight.get(who, 0))
        if 0 < room < len(bodies):  # as many as there is room for: messages, unlike arrays, can be parted
            self._let_in(admitted, who, envelopes[:room], join_commands(bodies[:room]), busy)
            envelopes, bodies = envelopes[room:], bodies[room:]
        self._let_in(admitted, who, envelopes, join_commands(bodies), busy)

    def _one_by_one(
        self, admitted: Admitted, who: bytes, bodies: list[bytes], busy: BusyReason | None
    ) -> None:
        """The slow path, which refuses what is malformed and admits its neighbours, in their order."""
        good: list[bytes] = []
        refusals: list[bytes] = []  # in one frame: many would pass the high-water mark
        spare = LEAST_REFUSAL_BYTES + sum(map(len, bodies))  # answers must not outgrow what they answer
        unnamed = 0
        for body in bodies:
            try:
                envelope = decode_envelope(body)
            except NOT_DECODABLE as error:
                id = _some_id(body)
                if spare > 0 or (id is not None and len(id) >= CANONICAL_ID):
                    refusals.append(Failed(id, "malformed", str(error)).encode())
                    spare -= len(refusals[-1])
                else:
                    unnamed += 1
                continue
            if wrong := wrong_with([envelope], self._horizon):
                refusals.append(Failed(envelope.id, "malformed", wrong).encode())
            else:
                good.append(body)
        if unnamed:
            text = f"{unnamed} more commands of this message are malformed"
            refusals.append(Failed(None, "malformed", text).encode())
        if refusals:
            self._refuse(admitted, who, refusals)
        if good:
            self._singles(admitted, who, good, busy)

    def _let_in(
        self, admitted: Admitted, who: bytes, envelopes: list[Envelope], body: bytes, busy: BusyReason | None
    ) -> None:
        count = len(envelopes)
        self.tally.send(who, count)
        before = self.in_flight.get(who, 0)
        if not busy and before + count > self.limits.in_flight_per_client:
            busy = BusyReason.IN_FLIGHT
        places: Iterable[int]
        wanted: Mapping[int, int]
        if busy or self.partitions == 1:
            places, wanted = repeat(0, count), {0: count}
        else:
            places = [partition_of(envelope.aggregate, self.partitions) for envelope in envelopes]
            wanted = Counter(places)
        if not busy and not all(self.backlogs[p].has_room(before, len(self.in_flight)) for p in wanted):
            busy = BusyReason.WAITING
        if busy:
            admitted.refused.append((who, self._busy(who, envelopes, busy)))
            return
        self.in_flight[who] = before + count
        for partition, some in wanted.items():
            self.backlogs[partition].admitted(some)
        early = [envelope.id for envelope in envelopes if envelope.wait == "accepted"]
        if early:
            admitted.accepted.append((who, Accepted(early).encode()))
        if self.partitions == 1 and count <= GROUP_COMMANDS:
            admitted.groups.setdefault(0, []).append((who, count, body))
            return
        parts: dict[int, list[bytes]] = {}
        for partition, command in zip(places, split_commands(body), strict=True):
            parts.setdefault(partition, []).append(command)
        for number, commands in parts.items():
            groups = admitted.groups.setdefault(number, [])
            for start in range(0, len(commands), GROUP_COMMANDS):
                part = commands[start : start + GROUP_COMMANDS]
                groups.append((who, len(part), join_commands(part)))

    def _busy(self, who: bytes, envelopes: list[Envelope], reason: BusyReason) -> bytes:
        self.busy[reason] += len(envelopes)
        self.tally.turn_away(who, len(envelopes))
        text = TEXTS[reason].format(limit=self.limits.in_flight_per_client)
        return Busy([envelope.id for envelope in envelopes], text).encode()

    def _refuse(self, admitted: Admitted, who: bytes, refusals: list[bytes]) -> None:
        self.refused += len(refusals)
        self.tally.send(who, len(refusals))
        self.tally.turn_away(who, len(refusals))
        admitted.refused.append((who, b",".join(refusals)))

    def _too_many(self, id: str | None, count: int) -> bytes:
        text = f"a message may have {self.limits.commands_per_message} commands, this one has {count}"
        return Failed(id, "too-many", text).encode()


def _some_id(body: bytes) -> str | None:
    """The id in a malformed command, if it can be read, so that its sender learns which one it was."""
    if b"id" not in body and b"\\" not in body:
        return None  # to find it out by an error takes longer
    try:
        id = _decode_named(body).id
    except NOT_DECODABLE:
        return None
    return id if len(id) <= LONGEST_ECHOED_ID else None
