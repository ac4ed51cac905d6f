"""The handover of a worker: how far it has come, kept where every node finds it.

A worker runs on one node. The next one goes on from the cursor that the one before has left in the bucket of
the cluster; what was done and not noted there is done again, as after a crash.
"""

from pathlib import Path
from typing import Any

import msgspec
from nats.js.errors import NotFoundError

from engine.base.decoding import NOT_DECODABLE
from engine.cluster.jetstream import FAILURES
from engine.cluster.link import Link
from engine.reading.cursor import Mark, read_cursor, write_cursor

ASK_S = 5.0


class _Handed(msgspec.Struct):
    next: list[Mark]
    commands: list[str]


class Handover:
    """The handover of one worker. `path`: the file of its cursor on this node. What the servers do not answer
    now is tried again at the next look."""

    def __init__(self, link: Link, bucket: str, worker: str, path: Path) -> None:
        self._link, self._bucket, self._key, self._path = link, bucket, f"cursor.{worker}", path
        self._given: list[Mark] = []

    def take(self) -> None:
        """Moves the cursor of this node on to where the worker was elsewhere."""
        handed, mine = self._handed(), self._mine()
        if handed is None:
            return
        merged = handed if mine is None else further(mine, handed)
        if mine is None or merged.next != mine.next:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_cursor(self._path, merged.next, merged.commands)

    def give(self) -> None:
        """Tells how far the worker has come here, if that is new."""
        mine = self._mine()
        if mine is None or mine.next == self._given:
            return
        body = msgspec.json.encode(mine)

        async def put() -> None:
            await (await self._link.streams.key_value(self._bucket)).put(self._key, body)

        try:
            self._link.ask(put(), ASK_S)
        except FAILURES:
            return
        self._given = mine.next

    def _handed(self) -> _Handed | None:
        async def get() -> Any:
            return await (await self._link.streams.key_value(self._bucket)).get(self._key)

        try:
            return msgspec.json.decode(self._link.ask(get(), ASK_S).value or b"", type=_Handed)
        except (NotFoundError, *FAILURES, *NOT_DECODABLE):
            return None

    def _mine(self) -> _Handed | None:
        try:
            return _Handed(*read_cursor(self._path))
        except (OSError, *NOT_DECODABLE):
            return None


def further(one: _Handed, other: _Handed) -> _Handed:
    """Of each partition the cursor that is further on: what either has noted is done."""
    pairs = zip(one.next, one.commands, other.next, other.commands, strict=True)
    best = [max((a, x), (b, y)) for a, x, b, y in pairs]
    return _Handed([at for at, _ in best], [command for _, command in best])
