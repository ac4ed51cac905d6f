"""The memory of a partition: its aggregates, how they are loaded from stored events, and how idle ones leave.

Replay is exactly `apply`. Whether an aggregate was loaded at the start, came back from the store a moment
ago, or never left makes no difference to any decision.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.base.errors import BUGS, ConfigError, CorruptData, told
from engine.base.identity import NO_INDEX_KEY, aggregate_key
from engine.core.archive import Archive
from engine.core.broken import Broken
from engine.core.idle import Idle
from engine.model.aggregates import Aggregate
from engine.model.app import Engine
from engine.model.fitting import fits_of

Apply = Callable[[Any, Any], None]


class Unreadable(Aggregate):
    """Stands for an aggregate with an event that the application cannot read: its commands fail alone."""

    def __init__(self, id: str, why: ConfigError) -> None:
        super().__init__(id)
        self.why = str(why)


class Memory:
    """The aggregates in memory, by id. `gaps`: the store may have aggregates that are not here. `known`: a
    position up to which all is stored, as what could not be read needs it. `fits`: by class, what says
    whether an event fits it. `index_key`: of the store that the aggregates are in."""

    def __init__(self, app: Engine, archive: Archive, index_key: bytes = NO_INDEX_KEY) -> None:
        self.aggregates: dict[str, Aggregate] = {}
        self.gaps = False
        self.known = 0
        self._returned: list[Aggregate] = []
        self.idle = Idle(app.aggregates)
        self._counts_idle = bool(self.idle)
        self._archive, self._index_key = archive, index_key
        quiet: dict[type, Apply] = dict.fromkeys(app.messages, _nothing)
        self.appliers = quiet | {event: applier for event, (_, applier) in app.appliers.items()}
        self.fits = {event: fits_of(event) for event in self.appliers}
        self._owners = {event: cls for event, (cls, _) in app.appliers.items()}

    def appliers_of(self, cls: type[Aggregate]) -> dict[type, Apply]:
        """The appliers of one class; those of application messages do nothing."""
        return {event: apply for event, apply in self.appliers.items() if self._owners.get(event, cls) is cls}

    def begin(self, aggregate: Aggregate, events: Iterable[Any]) -> None:
        """Adds an aggregate that has its first events. Raises Broken if they are only application messages,
        because those do not say of which class it is."""
        if not any(type(event) in self._owners for event in events):
            raise Broken("an application message alone cannot begin an aggregate")
        self.aggregates[aggregate.engine_id] = aggregate

    def new(self, cls: type[Aggregate], name: str) -> Aggregate:
        """A new aggregate, which is not added yet."""
        aggregate = cls(name)
        aggregate.engine_key = aggregate_key(self._index_key, name).hex()
        return aggregate

    def apply(self, commit: Any, position: int) -> None:
        """Applies the stored commit of a position. Raises CorruptData if its version does not follow,
        ConfigError if the application's code fails on it."""
        name = commit.aggregate
        aggregate = self.aggregates.get(name)
        if aggregate is None and self.gaps and commit.version > 1:
            aggregate = self.recall(name, position - 1)  # it had been idle, and comes back
            if isinstance(aggregate, Unreadable):
                return
        if aggregate is None:
            aggregate = self.aggregates[name] = self.new(self._class_of(commit), name)
        version = aggregate.engine_version + 1
        if commit.version != version:
            have, found = aggregate.engine_version, commit.version
            raise CorruptData("versions are not contiguous", aggregate=name, have=have, found=found)
        appliers = self.appliers
        try:
            for event in commit.events:
                appliers[type(event)](aggregate, event)
        except MemoryError:
            raise
        except BUGS as error:
            raise ConfigError(
                "the application cannot apply a stored event",
                aggregate=name,
                version=version,
                position=position,
                error=told(error),
            ) from error
        aggregate.engine_version = version
        if self._counts_idle:
            self.idle.changed((aggregate,), commit.time_ns, commit.sequence)

    def restore(self, aggregates: Mapping[str, Aggregate], time_ns: int) -> None:
        """Loads the aggregates of a snapshot; their idle time begins now."""
        for name, aggregate in aggregates.items():
            aggregate.engine_key = aggregate_key(self._index_key, name).hex()
        self.aggregates.update(aggregates)
        if self.idle:
            self.idle.changed(aggregates.values(), time_ns, 0)

    def return_of(self, name: str, stored: int) -> Aggregate | None:
        """An aggregate that had left memory, with its next command; None: there is none. `stored`: a position
        up to which all is stored. Nothing leaves before it is, so that new ones wait for nothing."""
        aggregate = self.recall(name, max(stored, self.known))
        if aggregate is not None and not isinstance(aggregate, Unreadable) and self.idle:
            self._returned.append(aggregate)
        return aggregate

    def recall(self, name: str, upto: int) -> Aggregate | None:
        """Brings an aggregate back to memory as the store has it at position `upto`. None: there is none. One
        that cannot be read stays out of memory, and is tried again with its next command."""
        try:
            for commit in self._archive.stream(name, upto):
                self.apply(commit, upto)
        except ConfigError as error:
            self.aggregates.pop(name, None)
            self.gaps = True
            self.known = max(self.known, upto)  # its last commits were stored a moment ago
            return Unreadable(name, error)
        return self.aggregates.get(name)

    def reload(self, names: Iterable[str], upto: int) -> None:
        """Forgets these and loads them again as the store has them."""
        for name in names:
            self.aggregates.pop(name, None)
            self.recall(name, upto)

    def changed(self, aggregates: Iterable[Aggregate], time_ns: int, sequence: int, stored: int) -> None:
        """Notes what a batch changed or brought back, and drops aggregates that have been idle for too
        long."""
        if self._returned:
            self.idle.changed(self._returned, time_ns, sequence)
            self._returned.clear()
        self.idle.changed(aggregates, time_ns, sequence)
        self.evict(time_ns, stored)

    def evict(self, time_ns: int, stored: int) -> None:
        """Drops aggregates that have been idle for too long and whose last change is stored."""
        for name in self.idle.expired(time_ns, stored):
            self.aggregates.pop(name, None)
            self.gaps = True

    def _class_of(self, commit: Any) -> type[Aggregate]:
        for event in commit.events:
            if type(event) in self._owners:
                return self._owners[type(event)]
        raise CorruptData("an aggregate begins with an entry without events", aggregate=commit.aggregate)


def _nothing(_aggregate: Any, _event: Any) -> None:
    """Applies an application message, which changes nothing."""
