"""The compatibility of an application with a data directory: can it read everything that is stored there?

Every event is decoded as the aggregate that applies it and each view and process manager that reads it would
decode it. Each finding names how many events it is about and where the first one is.
"""

from collections.abc import Iterator

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.errors import ConfigError, RingfoldError
from engine.model.app import Engine
from engine.model.messages import wire_tag
from engine.reading.stores import Stores
from engine.wire.lifting import EventDecoder, lifts, tag_in
from engine.wire.log import decode_parts, take_apart


class Kind(msgspec.Struct):
    """What is stored under one wire tag, and what becomes of it. `problem` is empty if all is well."""

    tag: str
    verdict: str
    problem: str = ""
    readable: bool = True
    count: int = 0
    partition: int = 0
    position: int = 0
    aggregate: str = ""
    bad: int = 0


class Break(msgspec.Struct):
    """A place where positions, or the versions of an aggregate, do not follow each other."""

    partition: int
    position: int
    what: str


class Compatibility:
    """Reads entries, one partition after the other. `kinds` by wire tag, `breaks`, `entries`."""

    def __init__(self, app: Engine) -> None:
        self.kinds: dict[str, Kind] = {}
        self.breaks: list[Break] = []
        self.entries = 0
        self._app = app
        self._known = app.events()
        self._ways = lifts(app)
        self._readers = [("", EventDecoder(self._ways, self._known)), *self._slim()]
        self._versions: dict[str, int] = {}

    @property
    def sound(self) -> bool:
        """True if everything can be read."""
        return not self.breaks and not any(kind.problem for kind in self.kinds.values())

    def take(self, partition: int, stores: Stores) -> Iterator[int]:
        """Reads a partition; yields how many entries each record had."""
        reader = stores.reader(partition)
        self._versions.clear()
        position = 0
        for last, record in () if reader is None else reader.records():
            try:
                first, entries = take_apart(record)
            except NOT_DECODABLE as error:
                self.breaks.append(Break(partition, last, f"a record is malformed: {error}"))
                position = last
                continue
            if first != position + 1 or last != first + len(entries) - 1:
                text = f"positions {first} to {last} with {len(entries)} entries follow {position}"
                self.breaks.append(Break(partition, first, text))
            for position, entry in enumerate(entries, first):
                self._entry(partition, position, entry)
            position = last
            self.entries += len(entries)
            yield len(entries)

    def _entry(self, partition: int, position: int, entry: msgspec.Raw) -> None:
        try:
            parts = decode_parts(entry)
        except NOT_DECODABLE as error:
            self.breaks.append(Break(partition, position, f"an entry is malformed: {error}"))
            return
        before = self._versions.get(parts.aggregate, 0)
        self._versions[parts.aggregate] = parts.version
        if parts.version != before + 1:
            text = f"version {parts.version} of {parts.aggregate} follows {before}"
            self.breaks.append(Break(partition, position, text))
        for stored in parts.events:
            self._event(partition, position, parts.aggregate, stored)

    def _event(self, partition: int, position: int, aggregate: str, stored: msgspec.Raw) -> None:
        tag = tag_in(stored)
        kind = self.kinds.get(tag)
        if kind is None:
            kind = self.kinds[tag] = self._classify(tag)
            kind.partition, kind.position, kind.aggregate = partition, position, aggregate
        kind.count += 1
        problem = self._unreadable(tag, stored) if kind.readable else kind.problem
        if problem:
            if not kind.bad:
                kind.problem, kind.aggregate = problem, aggregate
                kind.partition, kind.position = partition, position
            kind.bad += 1

    def _classify(self, tag: str) -> Kind:
        if tag in self._known:
            return Kind(tag, "current")
        lift = self._ways.get(tag)
        if lift is not None and lift.target in self._known:
            return Kind(tag, f"lifted to {lift.target}")
        if lift is not None:
            text = f"its upcasters end at {lift.target}, which no aggregate applies"
            return Kind(tag, "broken chain", text, readable=False)
        name = tag.rpartition("@")[0] or tag
        others = [other for other in self._known if other.partition("@")[0] == name]
        if others:
            text = f"no upcaster begins at it; the application has {', '.join(sorted(others))}"
            return Kind(tag, "broken chain", text, readable=False)
        return Kind(tag, "unknown", "no aggregate applies it, and no upcaster begins at it", readable=False)

    def _unreadable(self, tag: str, stored: msgspec.Raw) -> str:
        """Why one of its readers cannot read an event; empty if all can."""
        target = self._ways[tag].target if tag in self._ways else tag
        for reader, decoder in self._readers:
            if target in decoder.tags:
                try:
                    decoder.decode(stored)
                except ConfigError as error:
                    text = str(error.facts.get("error", error.message))
                    return f"{reader}{': ' if reader else ''}{error.message}: {text}"
        return ""

    def _slim(self) -> Iterator[tuple[str, EventDecoder]]:
        """The views and process managers that read events as classes of their own."""
        readers = [
            (f"projection {spec.name} version {spec.version}", spec.events())
            for versions in self._app.versions.values()
            for spec in versions.values()
        ]
        readers += [
            (f"process manager {name}", spec.events()) for name, spec in self._app.process_managers.items()
        ]
        for reader, events in readers:
            own = {wire_tag(event): event for event in events}
            own = {tag: event for tag, event in own.items() if self._known.get(tag) is not event}
            if own:
                yield reader, EventDecoder(self._ways, own)


def registration_problem(app: Engine) -> str:
    """What `Engine.check` has to say; empty if nothing."""
    try:
        app.check()
    except RingfoldError as error:
        return str(error)
    return ""
