"""Command ids that follow from the event or the refusal that is being handled.

    48 bits   milliseconds            ┐
     4        version 7               │ shaped as UUIDv7, so that they stay ordered by time among the ids of
    12        fraction of the ms      │ clients, which spares the core a look into the store for most of them
     2        variant                 ┘
    62        hash of the seed and of the number of the send

Handling the same event again gives the same ids, whatever happened to the process manager in between, so what
it sends takes effect once. This must never change, because after an upgrade a process manager may send again
what it sent before.
"""

from functools import lru_cache
from hashlib import blake2b

_LAST_MS = (1 << 48) - 1
_VARIANT = 0x2 << 62


def derived_id(time_ns: int, seed: bytes, number: int) -> str:
    """The id of the `number`-th command of a step, as 32 hex digits."""
    hashed = int.from_bytes(blake2b(b"%b\0%d" % (seed, number), digest_size=8).digest(), "big")
    return _head((max(0, time_ns) << 12) // 1_000_000) + "%x" % (_VARIANT | hashed >> 2)


@lru_cache(maxsize=16)
def _head(moment: int) -> str:
    """The first 16 digits of the ids of a moment, in 1/4096 of a millisecond: commands that were accepted
    together have the same."""
    return f"{min(moment >> 12, _LAST_MS):012x}7{moment & 0xFFF:03x}"


def time_of(id: str) -> int:
    """The time in an id, in ns: the earliest that has these time bits."""
    number = int(id, 16)
    return (number >> 80) * 1_000_000 + -(-((number >> 64 & 0xFFF) * 1_000_000) >> 12)


def seed_of_event(manager: str, partition: int, position: int, command: str) -> bytes:
    """The seed for a stream entry that a process manager handles."""
    return f"event\0{manager}\0{partition}\0{position}\0{command}".encode()


def seed_of_refusal(manager: str, command: str) -> bytes:
    """The seed for the refusal of a command that a process manager sent."""
    return f"refusal\0{manager}\0{command}".encode()
