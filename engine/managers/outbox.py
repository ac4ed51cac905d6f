"""The outbox: commands that must arrive, from the step that ordered them until they are answered.

    added ──given to the next save──▶ saved ──durable──▶ leaving ──▶ on their way ──answered──▶ removed
                                                                         │
    after a restart everything is leaving                                └─refused─▶ at its handler

An answer removes the entry from memory at once, and from disk with the next save. If that save never comes,
the command is sent again after the restart and answered as the first time.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from engine.model.messages import Command
from engine.model.process_managers import Refusal
from engine.store.format import number, word


class OutboxEntry(msgspec.Struct):
    """A command on its way. `refusal`: the command was refused, and its handler has not dealt with that
    yet. `body`: the command as it travels, and as it is saved. `size`: the bytes that it takes on disk, 0
    until it is saved."""

    number: int
    command: Command
    body: bytes
    refusal: Refusal | None = None
    size: int = 0


class _Stored(msgspec.Struct, array_like=True):
    body: msgspec.Raw
    refusal: Refusal | None = None


class Outbox:
    """All entries, in the order in which handlers sent them."""

    def __init__(self) -> None:
        self._entries: dict[str, OutboxEntry] = {}
        self.saved_bytes = 0
        """The bytes of all that is saved."""
        self._last = 0
        self._changed: dict[int, OutboxEntry | None] = {}
        self._added: list[OutboxEntry] = []
        self._saved: list[OutboxEntry] = []
        self._leaving: list[OutboxEntry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[OutboxEntry]:
        return iter(self._entries.values())

    @property
    def wants_out(self) -> bool:
        """True if a command waits only for a save."""
        return bool(self._added or self._saved)

    @property
    def changed(self) -> bool:
        """True if there is something that `changes` has not returned yet."""
        return bool(self._changed)

    def find(self, id: str) -> OutboxEntry | None:
        """The entry of a command that has not been answered, or whose refusal has not been handled."""
        return self._entries.get(id)

    def add(self, command: Command, body: bytes) -> None:
        """Adds a command and its bytes, unless it is here already."""
        if command.id in self._entries:
            return
        self._last += 1
        entry = self._entries[command.id] = self._changed[self._last] = OutboxEntry(self._last, command, body)
        self._added.append(entry)

    def refused(self, entry: OutboxEntry, refusal: Refusal) -> None:
        """Notes that the command was refused."""
        entry.refusal = refusal
        self._changed[entry.number] = entry

    def remove(self, entry: OutboxEntry) -> None:
        """Removes an entry that nothing more can come of."""
        if self._entries.pop(entry.command.id, None) is not None:
            self.saved_bytes -= entry.size
            self._changed[entry.number] = None

    def refusals(self) -> list[OutboxEntry]:
        """Entries whose refusal has not been handled."""
        return [entry for entry in self._entries.values() if entry.refusal is not None]

    def durable(self) -> None:
        """Notes that everything that `changes` has returned is durable."""
        self._leaving += self._saved
        self._saved.clear()

    def leaving(self, most: int) -> list[OutboxEntry]:
        """The commands to send now, in order. Each is returned once."""
        some, self._leaving = self._leaving[:most], self._leaving[most:]
        return some

    def leave_again(self) -> None:
        """All that waits for an answer leaves again, as after a restart."""
        unsaved = {id(entry) for entry in (*self._added, *self._saved)}
        waiting = (entry for entry in self if entry.refusal is None)
        self._leaving = [entry for entry in waiting if id(entry) not in unsaved]

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """(key, entry) of what has changed since the last call; None: the entry was removed."""
        changed, self._changed = self._changed, {}
        added, self._added = self._added, []
        self._saved += added
        for key, entry in changed.items():
            if entry is None:
                yield word(key), None
            else:
                refusal = b"null" if entry.refusal is None else _encode(entry.refusal)
                stored = b"[%b,%b]" % (entry.body, refusal)
                self._sized(entry, len(stored))
                yield word(key), stored

    def load(self, items: Iterable[tuple[bytes, bytes]], decode: Callable[[bytes], Command]) -> None:
        """Replaces everything by what was saved, given in order."""
        self.__init__()  # type: ignore[misc]
        for key, value in items:
            stored = _decode(value)
            self._last = number(key)
            body = bytes(stored.body)
            entry = OutboxEntry(self._last, decode(body), body, stored.refusal)
            self._entries[entry.command.id] = entry
            self._sized(entry, len(value))
            if entry.refusal is None:
                self._leaving.append(entry)

    def _sized(self, entry: OutboxEntry, size: int) -> None:
        self.saved_bytes += size - entry.size
        entry.size = size


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(_Stored).decode
