"""The outbox: commands that must arrive, from the step that ordered them until they are answered.

    added ──given to the next save──▶ saved ──durable──▶ leaving ──▶ on their way ──answered──▶ removed
                                                                         │
    after a restart everything is leaving                                └─refused─▶ at its handler

An answer removes the entry from memory at once, and from disk with the next save. If that save never comes,
the command is sent again after the restart and answered as the first time.

The commands of one save are saved together, as a bundle, which goes once all of its commands have: a row for
each would be written and deleted by itself.

    c<number of the first (8)>   [command, …]      their numbers follow each other
    g<number of the first (8)>   a byte for each   1: it is gone, though others of its bundle are not
    r<number (8)>                refusal           its handler has not dealt with it yet
    <number (8)>                 [command, refusal]   as earlier releases wrote it; read, and saved again
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from engine.model.messages import Command
from engine.model.process_managers import Refusal
from engine.store.format import number, word

MOST_TOGETHER, BYTES_TOGETHER = 1_000, 1 << 20
NUMBER_BYTES = 8


class _Bundle:
    """Commands that are saved together. `gone`: a byte for each, 1 once it is; `left`: how many are not."""

    __slots__ = ("first", "gone", "left")

    def __init__(self, first: int, gone: bytes) -> None:
        self.first, self.gone, self.left = first, bytearray(gone), gone.count(0)


class OutboxEntry(msgspec.Struct):
    """A command on its way. `refusal`: the command was refused, and its handler has not dealt with that
    yet. `body`: the command as it travels, and as it is saved. `bundle`: that in which it is saved, under
    this `number`; None and 0 until it is."""

    command: Command
    body: bytes
    refusal: Refusal | None = None
    bundle: _Bundle | None = None
    number: int = 0


class _Earlier(msgspec.Struct, array_like=True):
    body: msgspec.Raw
    refusal: Refusal | None = None


class Outbox:
    """All entries, in the order in which handlers sent them."""

    def __init__(self) -> None:
        self._entries: dict[str, OutboxEntry] = {}
        self.saved_bytes = 0
        """The bytes of all that is saved."""
        self._last = 0
        self._touched: dict[int, _Bundle] = {}  # those of which something is gone since the last save
        self._refused: dict[str, OutboxEntry] = {}  # those whose refusal came since then, or is dealt with
        self._earlier: list[bytes] = []  # keys of rows in the earlier form
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
        return bool(self._added or self._touched or self._refused or self._earlier)

    def find(self, id: str) -> OutboxEntry | None:
        """The entry of a command that has not been answered, or whose refusal has not been handled."""
        return self._entries.get(id)

    def add(self, command: Command, body: bytes) -> None:
        """Adds a command and its bytes, unless it is here already."""
        if command.id in self._entries:
            return
        entry = self._entries[command.id] = OutboxEntry(command, body)
        self._added.append(entry)

    def refused(self, entry: OutboxEntry, refusal: Refusal) -> None:
        """Notes that the command was refused."""
        entry.refusal = refusal
        self._refused[entry.command.id] = entry

    def remove(self, entry: OutboxEntry) -> None:
        """Removes an entry that nothing more can come of."""
        if self._entries.pop(entry.command.id, None) is None:
            return
        if entry.refusal is not None:
            self._refused[entry.command.id] = entry
        bundle = entry.bundle
        if bundle is not None:
            self.saved_bytes -= len(entry.body)
            bundle.gone[entry.number - bundle.first] = 1
            bundle.left -= 1
            self._touched[bundle.first] = bundle

    def refusals(self) -> list[OutboxEntry]:
        """Entries whose refusal has not been handled."""
        return [entry for entry in self._entries.values() if entry.refusal is not None]

    def durable(self) -> None:
        """Notes that everything that `changes` has returned is durable."""
        self._leaving += [entry for entry in self._saved if entry.refusal is None]
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
        """(key, value) of what has changed since the last call; None: it is gone."""
        entries = self._entries
        added = [entry for entry in self._added if entries.get(entry.command.id) is entry]
        earlier, self._earlier, self._added = self._earlier, [], []
        touched, self._touched = self._touched, {}
        refused, self._refused = self._refused, {}
        self._saved += added
        yield from ((key, None) for key in earlier)
        for some in _parted(added):
            self._bundle(some)
            yield b"c" + word(some[0].number), b"[%b]" % b",".join([entry.body for entry in some])
        for bundle in touched.values():
            yield b"g" + word(bundle.first), bytes(bundle.gone) if bundle.left else None
            if not bundle.left:
                yield b"c" + word(bundle.first), None
        for id, entry in refused.items():
            if entry.bundle is not None:
                stays = entries.get(id) is entry
                yield b"r" + word(entry.number), _encode(entry.refusal) if stays else None

    def load(self, items: Iterable[tuple[bytes, bytes]], decode: Callable[[bytes], Command]) -> None:
        """Replaces everything by what was saved, given in order."""
        self.__init__()  # type: ignore[misc]
        rows = {bytes(key): bytes(value) for key, value in items}
        saved: dict[int, OutboxEntry] = {}
        for key, value in rows.items():
            kind, at = key[:-NUMBER_BYTES], number(key[-NUMBER_BYTES:])
            if kind == b"c":
                bodies = [bytes(body) for body in _decode_bodies(value)]
                gone = rows.get(b"g" + word(at), bytes(len(bodies)))
                saved |= self._load_bundle(at, bodies, gone, decode)
            elif kind == b"r":
                saved[at].refusal = _decode_refusal(value)
            elif kind == b"":
                self._load_earlier(key, _decode_earlier(value), decode)
        self._leaving = [entry for entry in saved.values() if entry.refusal is None]

    def _bundle(self, entries: list[OutboxEntry]) -> None:
        """Numbers entries that are saved together."""
        bundle = _Bundle(self._last + 1, bytes(len(entries)))
        for entry in entries:
            self._last += 1
            entry.bundle, entry.number = bundle, self._last
            self.saved_bytes += len(entry.body)

    def _load_bundle(
        self, first: int, bodies: list[bytes], gone: bytes, decode: Callable[[bytes], Command]
    ) -> dict[int, OutboxEntry]:
        """Holds what is not gone of a bundle; returns it by number. What is gone is not decoded: the class of
        such a command may be gone too."""
        bundle, found = _Bundle(first, gone), dict[int, OutboxEntry]()
        for place, (body, is_gone) in enumerate(zip(bodies, gone, strict=True), first):
            if not is_gone:
                entry = OutboxEntry(decode(body), body, None, bundle, place)
                self._entries[entry.command.id] = found[place] = entry
                self.saved_bytes += len(body)
        self._last = first + len(bodies) - 1
        return found

    def _load_earlier(self, key: bytes, stored: _Earlier, decode: Callable[[bytes], Command]) -> None:
        self._earlier.append(key)
        body = bytes(stored.body)
        command = decode(body)
        self.add(command, body)
        if stored.refusal is not None:
            self.refused(self._entries[command.id], stored.refusal)


def _parted(entries: list[OutboxEntry]) -> Iterator[list[OutboxEntry]]:
    """Those that are saved together: not too many, and not too large."""
    some: list[OutboxEntry] = []
    size = 0
    for entry in entries:
        size += len(entry.body)
        if some and (len(some) == MOST_TOGETHER or size > BYTES_TOGETHER):
            yield some
            some, size = [], len(entry.body)
        some.append(entry)
    if some:
        yield some


_encode = msgspec.json.encode
_decode_bodies = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_refusal = msgspec.json.Decoder(Refusal).decode
_decode_earlier = msgspec.json.Decoder(_Earlier).decode
