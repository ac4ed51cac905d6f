"""The outbox: commands that have to arrive, from the step that ordered them until they are answered.

    added ──told to the next save──▶ told ──it is durable──▶ leaving ──▶ on their way ──answered──▶ gone
                                                                              │
    after a restart everything is leaving                                     └─refused─▶ with the handler

An answer takes the entry away at once in memory, and with the next save on disk. If that save never comes,
the command is sent again after the restart and answered as the first time.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from engine.model.messages import Command
from engine.model.process_managers import Refusal
from engine.store.format import number, word


class OutboxEntry(msgspec.Struct):
    """A command on its way. `refusal`: it came back, and its handler has not taken that in yet."""

    place: int
    command: Command
    refusal: Refusal | None = None


class _Stored(msgspec.Struct, array_like=True):
    body: msgspec.Raw
    refusal: Refusal | None = None


class Outbox:
    """All entries, in the order in which they were ordered."""

    def __init__(self) -> None:
        self._entries: dict[str, OutboxEntry] = {}
        self._last = 0
        self._changed: dict[int, OutboxEntry | None] = {}
        self._added: list[OutboxEntry] = []
        self._told: list[OutboxEntry] = []
        self._leaving: list[OutboxEntry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[OutboxEntry]:
        return iter(self._entries.values())

    @property
    def wants_out(self) -> bool:
        """True if something waits for nothing but to be durable."""
        return bool(self._added or self._told)

    @property
    def changed(self) -> bool:
        """True if there is something that `changes` has not told."""
        return bool(self._changed)

    def find(self, id: str) -> OutboxEntry | None:
        """The entry of a command that has not been answered, or whose refusal is not taken in yet."""
        return self._entries.get(id)

    def add(self, command: Command) -> None:
        """Takes in a command. One that is here already is not taken twice."""
        if command.id in self._entries:
            return
        self._last += 1
        entry = self._entries[command.id] = self._changed[self._last] = OutboxEntry(self._last, command)
        self._added.append(entry)

    def refused(self, entry: OutboxEntry, refusal: Refusal) -> None:
        """The command came back."""
        entry.refusal = refusal
        self._changed[entry.place] = entry

    def remove(self, entry: OutboxEntry) -> None:
        """The command has done what it can."""
        if self._entries.pop(entry.command.id, None) is not None:
            self._changed[entry.place] = None

    def refusals(self) -> list[OutboxEntry]:
        """Entries whose refusal is not taken in yet."""
        return [entry for entry in self._entries.values() if entry.refusal is not None]

    def durable(self) -> None:
        """Everything that `changes` has told is durable now."""
        self._leaving += self._told
        self._told.clear()

    def leaving(self, most: int) -> list[Command]:
        """Commands to be sent now, each named once, in order."""
        some, self._leaving = self._leaving[:most], self._leaving[most:]
        return [entry.command for entry in some]

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """(key, entry) of what has changed since the last call; None: it is gone."""
        changed, self._changed = self._changed, {}
        added, self._added = self._added, []
        self._told += added
        for place, entry in changed.items():
            if entry is None:
                yield word(place), None
            else:
                body = msgspec.Raw(_encode(entry.command))
                yield word(place), _encode(_Stored(body, entry.refusal))

    def load(self, items: Iterable[tuple[bytes, bytes]], decode: Callable[[bytes], Command]) -> None:
        """Takes in everything saved, in order, in place of what is here."""
        self.__init__()  # type: ignore[misc]
        for key, value in items:
            stored = _decode(value)
            self._last = number(key)
            entry = OutboxEntry(self._last, decode(bytes(stored.body)), stored.refusal)
            self._entries[entry.command.id] = entry
            if entry.refusal is None:
                self._leaving.append(entry)


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(_Stored).decode
