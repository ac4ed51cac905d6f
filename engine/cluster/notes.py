"""Notes: small values in the bucket of a cluster, which all its nodes read, and which change one by one.

A note is written only if it is still as it was read. So of two nodes that write at once one sees what the
other has written.
"""

from typing import NamedTuple, Protocol

from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from engine.cluster.jetstream import FAILURES
from engine.cluster.link import Link
from engine.cluster.logs import NoAnswer

ASK_S = 5.0


class Note(NamedTuple):
    """What stands under a key. `revision`: to write it again; 0: nothing stands there."""

    body: bytes
    revision: int


NONE = Note(b"", 0)


class Notes(Protocol):
    """The notes of a cluster."""

    def read(self, key: str) -> Note:
        """What stands under a key. Raises NoAnswer."""

    def write(self, key: str, body: bytes, before: Note) -> bool:
        """Writes it, if it is still as it was; False if it is not. Raises NoAnswer: it may be written."""


class JetStreamNotes:
    """The notes in the bucket of this name."""

    def __init__(self, link: Link, bucket: str) -> None:
        self._link, self._name = link, bucket
        self._bucket: KeyValue | None = None

    def read(self, key: str) -> Note:
        async def get() -> Note:
            try:
                entry = await (await self._opened()).get(key)
            except KeyNotFoundError:
                return NONE
            return Note(entry.value or b"", entry.revision or 0)

        try:
            return self._link.ask(get(), ASK_S)
        except FAILURES as error:
            raise NoAnswer from error

    def write(self, key: str, body: bytes, before: Note) -> bool:
        async def update() -> None:
            await (await self._opened()).update(key, body, last=before.revision)

        try:
            self._link.ask(update(), ASK_S)
        except KeyWrongLastSequenceError:
            return False
        except FAILURES as error:
            raise NoAnswer from error
        return True

    async def _opened(self) -> KeyValue:
        if self._bucket is None:
            self._bucket = await self._link.quick.key_value(self._name)
        return self._bucket


class MemoryNotes:
    """Notes in memory, for tests. `silent`: they do not answer."""

    def __init__(self) -> None:
        self.kept: dict[str, Note] = {}
        self.silent = False

    def read(self, key: str) -> Note:
        if self.silent:
            raise NoAnswer
        return self.kept.get(key, NONE)

    def write(self, key: str, body: bytes, before: Note) -> bool:
        if self.read(key) != before:
            return False
        self.kept[key] = Note(body, before.revision + 1)
        return True


def agreed(notes: Notes, key: str, mine: bytes) -> bytes:
    """What stands under a key for good: the first that any node has proposed. Raises NoAnswer."""
    while not (found := notes.read(key)).revision:
        notes.write(key, mine, found)
    return found.body
