"""The gate: which messages are let in, and what the others are told. Pure: bytes in, verdicts out.

Cheap checks come first: bytes, then the envelope of each command (ids, aggregates, how many), then
the client's share of what is in flight. Whatever passes is journaled, so the core can always decode it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.wire.commands import Envelope, decode_envelopes, decode_raws, ids_are_canonical
from engine.wire.identity import partition_of

_encode = msgspec.json.encode


@dataclass(frozen=True)
class Limits:
    """Bounds on what one client may ask for, so that none can stop the others."""

    message_bytes: int
    commands_per_message: int
    in_flight_per_client: int


@dataclass
class Admitted:
    """What one drain lets in: groups by partition, and answers that are due at once or after the fsync."""

    groups: dict[int, list[tuple[bytes, int, bytes]]] = field(default_factory=dict)
    refused: list[tuple[bytes, bytes]] = field(default_factory=list)
    accepted: list[tuple[bytes, bytes]] = field(default_factory=list)
    counts: dict[bytes, int] = field(default_factory=dict)


class Gate:
    """Keeps count of what each client has in flight."""

    def __init__(self, limits: Limits, partitions: int) -> None:
        self.limits = limits
        self.partitions = partitions
        self.in_flight: dict[bytes, int] = {}

    def admit(self, messages: Iterable[tuple[bytes, bytes]], busy: str = "") -> Admitted:
        """Sorts drained (who, body) messages. `busy` names a reason to refuse everything."""
        admitted = Admitted()
        bodies: dict[bytes, list[bytes]] = {}
        for who, body in messages:
            if len(body) > self.limits.message_bytes:
                text = f"a message may have {self.limits.message_bytes} bytes, this one has {len(body)}"
                admitted.refused.append((who, _failed(None, "too-large", text)))
            else:
                # One array is decoded faster than many single commands, here and in the core.
                bodies.setdefault(who, []).append(body[1:-1] if body[:1] == b"[" and body[-1:] == b"]" else body)
        for who, parts in bodies.items():
            joined = b"[" + b",".join(parts) + b"]"
            try:
                self._group(admitted, who, joined, decode_envelopes(joined), busy)
            except msgspec.DecodeError:
                for part in parts:
                    self._one_by_one(admitted, who, part, busy)
        return admitted

    def answered(self, who: bytes, count: int) -> None:
        """Commands of a client left the node."""
        left = self.in_flight.get(who, 0) - count
        if left > 0:
            self.in_flight[who] = left
        else:
            self.in_flight.pop(who, None)

    def _one_by_one(self, admitted: Admitted, who: bytes, part: bytes, busy: str) -> None:
        body = b"[" + part + b"]"
        try:
            self._group(admitted, who, body, decode_envelopes(body), busy)
        except msgspec.DecodeError as error:
            admitted.refused.append((who, _failed(_some_id(body), "malformed", str(error))))

    def _group(
        self, admitted: Admitted, who: bytes, body: bytes, envelopes: list[Envelope], busy: str
    ) -> None:
        count = len(envelopes)
        if not count:
            admitted.refused.append((who, _failed(None, "malformed", "a message holds no command")))
            return
        ids = [envelope.id for envelope in envelopes]
        flying = self.in_flight.get(who, 0) + count
        if not ids_are_canonical(ids):
            for id in ids:
                admitted.refused.append((who, _failed(id, "malformed", "an id is 32 lower-case hex digits")))
            return
        if count > self.limits.commands_per_message and len(body) > self.limits.message_bytes:
            flying = self.limits.in_flight_per_client + 1
        if busy or flying > self.limits.in_flight_per_client:
            reason = busy or f"more than {self.limits.in_flight_per_client} commands in flight"
            admitted.refused.append((who, _encode({"outcome": "busy", "ids": ids, "reason": reason})))
            return
        self.in_flight[who] = flying
        admitted.counts[who] = admitted.counts.get(who, 0) + count
        early = [envelope.id for envelope in envelopes if envelope.wait == "accepted"]
        if early:
            admitted.accepted.append((who, _encode({"outcome": "accepted", "ids": early})))
        if self.partitions == 1:
            admitted.groups.setdefault(0, []).append((who, count, body))
            return
        parts: dict[int, list[bytes]] = {}
        for envelope, raw in zip(envelopes, decode_raws(body), strict=True):
            parts.setdefault(partition_of(envelope.aggregate, self.partitions), []).append(bytes(raw))
        for number, raws in parts.items():
            admitted.groups.setdefault(number, []).append((who, len(raws), b"[" + b",".join(raws) + b"]"))


def _failed(id: str | None, code: str, message: str) -> bytes:
    return _encode({"outcome": "failed", "id": id, "code": code, "message": message})


def _some_id(body: bytes) -> str | None:
    """The id of the only command of a malformed message, if it can be made out."""
    try:
        found: Any = msgspec.json.decode(body)[0]["id"]
    except (msgspec.DecodeError, LookupError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str) else None
