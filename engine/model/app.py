"""The app object: everything is registered on it and checked before a node starts."""

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload
from weakref import WeakKeyDictionary

from engine.base.errors import ConfigError
from engine.model.aggregates import Aggregate, Exists
from engine.model.handlers import expect_message
from engine.model.messages import ApplicationMessage, Command, Event, wire_tag
from engine.model.process_managers import ProcessManager, ProcessManagerSpec
from engine.model.projections import Projection, ProjectionSpec

A = TypeVar("A", bound=type[Aggregate])
P = TypeVar("P", bound=type[Projection])
M = TypeVar("M", bound=type[ProcessManager])
N = TypeVar("N", bound=type[ApplicationMessage])

Handler = tuple[type[Aggregate], Callable[..., Any], Exists]
Applier = Callable[[Any, Any], None]
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
U = TypeVar("U", bound=Upcaster)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")  # it names a folder and an operating system process


_apps: "WeakKeyDictionary[type, Engine]" = WeakKeyDictionary()


def app_of(cls: type) -> "Engine | None":
    """The application that an aggregate, projection or process manager was registered on last: for tests,
    which name the class alone."""
    return _apps.get(cls)


class Engine:
    """One application: its aggregates, projections, process managers and application messages.

        app = Engine("notes")

        @app.aggregate
        class Note(Aggregate): ...

    or, where each class has a file of its own that does not know of the app,

        app = Engine("notes", aggregates=[Note], projections=[Listing])

    Projections and process managers that are listed have their names from their class lines:
    `class Listing(Projection, name="notes", version=2)`.
    """

    def __init__(
        self,
        name: str,
        *,
        aggregates: Iterable[type[Aggregate]] = (),
        projections: Iterable[type[Projection]] = (),
        process_managers: Iterable[type[ProcessManager]] = (),
        messages: Iterable[type[ApplicationMessage]] = (),
    ) -> None:
        self.name = name
        self.fingerprint = ""  # of reference data that decisions depend on; kept with the data directory
        self.handlers: dict[type[Command], Handler] = {}
        self.appliers: dict[type[Event], tuple[type[Aggregate], Applier]] = {}
        self.aggregates: dict[type[Aggregate], float | None] = {}
        """class → seconds untouched after which one leaves memory; None: never"""
        self.projections: dict[str, ProjectionSpec] = {}
        """name → newest version"""
        self.versions: dict[str, dict[int, ProjectionSpec]] = {}
        """name → every registered version"""
        self.process_managers: dict[str, ProcessManagerSpec] = {}
        self.messages: set[type[ApplicationMessage]] = set()
        self.upcasters: dict[tuple[str, int], tuple[int, Upcaster]] = {}
        """(wire name, version) → the version that it is lifted to, and how"""
        self._names: dict[str, type] = {}
        for aggregate in aggregates:
            self.aggregate(aggregate)
        for projection in projections:
            self.projection()(projection)
        for process_manager in process_managers:
            self.process_manager()(process_manager)
        for message in messages:
            self.message(message)

    @overload
    def aggregate(self, cls: A) -> A: ...
    @overload
    def aggregate(self, *, idle_s: float) -> Callable[[A], A]: ...
    def aggregate(self, cls: A | None = None, *, idle_s: float | None = None) -> A | Callable[[A], A]:
        """Class decorator: registers the command handlers and appliers of an aggregate.

        `idle_s`: an aggregate that no command has touched for so many seconds leaves memory; the next
        command for it brings it back from the event store. Without it aggregates stay.
        """

        def register(cls: A) -> A:
            if idle_s is not None and not idle_s > 0:
                raise ConfigError(f"aggregate {cls.__qualname__}: idle_s must be above 0", idle_s=idle_s)
            self.aggregates[cls] = idle_s
            _apps[cls] = self
            for _, method in inspect.getmembers(cls, callable):
                self._register_handler(cls, method)
                self._register_applier(cls, method)
            return cls

        return register if cls is None else register(cls)

    def projection(
        self, name: str = "", *, version: int = 0, factory: Callable[[], Projection] | None = None
    ) -> Callable[[P], P]:
        """Class decorator: registers a view, `@app.projection("notes", version=1)`.

        `name`, `version`: by default those of the class line. `factory`: makes it where its class needs
        arguments. Where two versions of a name are registered, the older one serves until the newer one is
        built.
        """

        def register(cls: P) -> P:
            known_as = self._name("projection", cls, Projection, name)
            number = version or cls.registered_version
            versions = self.versions.setdefault(known_as, {})
            if number in versions:
                raise ConfigError(f"two projections are named {known_as}, version {number}")
            if number < 1:
                raise ConfigError(f"projection {known_as}: a version is 1 or more", version=number)
            versions[number] = ProjectionSpec(known_as, number, factory or cls, cls)
            _apps[cls] = self
            self.projections[known_as] = versions[max(versions)]
            return cls

        return register

    def process_manager(
        self, name: str = "", *, factory: Callable[[], ProcessManager] | None = None
    ) -> Callable[[M], M]:
        """Class decorator: registers a process manager, `@app.process_manager("booking")`.

        `name`: by default that of the class line. It is part of the ids of what the process manager sends, so
        it must not change. `factory`: makes it where its class needs arguments.
        """

        def register(cls: M) -> M:
            known_as = self._name("process manager", cls, ProcessManager, name)
            if known_as in self.process_managers:
                raise ConfigError(f"two process managers are named {known_as}")
            self.process_managers[known_as] = ProcessManagerSpec(known_as, factory or cls, cls)
            _apps[cls] = self
            return cls

        return register

    def message(self, cls: N) -> N:
        """Class decorator: registers an application message, which handlers may then return."""
        if not (isinstance(cls, type) and issubclass(cls, ApplicationMessage)):
            raise ConfigError(f"{cls!r} is no application message")
        expect_message(cls, ApplicationMessage, "application message", self.message)
        self._claim(cls)
        self.messages.add(cls)
        return cls

    def upcaster(self, name: str, from_version: int, to_version: int) -> Callable[[U], U]:
        """Function decorator: how a stored event (its fields, without `type`) is lifted when it is read."""

        def register(function: U) -> U:
            if to_version <= from_version or from_version < 1:
                raise ConfigError("an upcaster lifts to a higher version", name=name, at=from_version)
            if (name, from_version) in self.upcasters:
                raise ConfigError("two upcasters begin at one version", name=name, version=from_version)
            self.upcasters[name, from_version] = (to_version, function)
            return function

        return register

    def events(self) -> dict[str, type[Event]]:
        """Every event and application message that may stand in the store as it is, by its wire tag."""
        return {wire_tag(event): event for event in (*self.appliers, *self.messages)}

    def check(self) -> None:
        """Raises ConfigError, one clear line, on anything that could not work."""
        if not self.handlers:
            raise ConfigError(f"application {self.name} handles no command")
        if not self.appliers:
            raise ConfigError(f"application {self.name} applies no event")
        known = self.events()
        for versions in self.versions.values():
            for spec in versions.values():
                self._check_reads(f"projection {spec.name}", spec.events(), known)
        for manager in self.process_managers.values():
            self._check_reads(f"process manager {manager.name}", manager.events(), known)
            for command in manager.refusals:
                if command not in self.handlers:
                    text = f"process manager {manager.name} is told when {wire_tag(command)} is refused"
                    raise ConfigError(f"{text}, which no aggregate handles")
        for cls, method, _ in self.handlers.values():
            for event in _announced(method):
                owner, _ = self.appliers.get(event, (cls, None))
                if event not in self.messages and (event not in self.appliers or owner is not cls):
                    text = f"{method.__qualname__} returns {event.__name__}"
                    raise ConfigError(f"{text}, which {cls.__name__} does not apply")
        self._check_chains(known)

    def _check_reads(self, reader: str, events: set[type[Event]], known: dict[str, type[Event]]) -> None:
        for event in events:
            if wire_tag(event) not in known:
                raise ConfigError(f"{reader} reads {wire_tag(event)}, which no aggregate applies")

    def _check_chains(self, known: dict[str, type[Event]]) -> None:
        """Every upcaster leads, step by step, to a version that is in use, and none begins at one."""
        current = {(event.wire_name, event.wire_version) for event in known.values()}
        for name, start in self.upcasters:
            if (name, start) in current:
                raise ConfigError(f"the upcaster of {name} begins at version {start}, which is in use")
            version = start
            while (name, version) in self.upcasters:
                version = self.upcasters[name, version][0]
            if (name, version) not in current:
                raise ConfigError(
                    f"the upcaster of {name} from version {start} ends at version {version}, "
                    "which no aggregate applies"
                )

    def _register_handler(self, cls: type[Aggregate], method: Callable[..., Any]) -> None:
        command, exists = getattr(method, "__handles__", (None, None))
        if command is None:
            return
        expect_message(command, Command, "command", method)
        if exists not in typing.get_args(Exists):
            raise ConfigError(f'{method.__qualname__} handles with exists="{exists}"')
        self._claim(command)
        if command in self.handlers:
            raise ConfigError(f"two handlers for command {wire_tag(command)}")
        self.handlers[command] = (cls, method, typing.cast(Exists, exists))

    def _register_applier(self, cls: type[Aggregate], method: Callable[..., Any]) -> None:
        event = getattr(method, "__applies__", None)
        if event is None:
            return
        expect_message(event, Event, "event", method)
        self._claim(event)
        if event in self.appliers:
            raise ConfigError(f"two appliers for event {wire_tag(event)}")
        if issubclass(event, ApplicationMessage):
            raise ConfigError(f"{method.__qualname__} applies an application message, which nobody does")
        self.appliers[event] = (cls, typing.cast(Applier, method))

    def _name(self, kind: str, cls: Any, base: type, name: str) -> str:
        """The name under which a class is registered."""
        if not (isinstance(cls, type) and issubclass(cls, base)):
            raise ConfigError(f"{cls!r} is not a {kind}: write class X({base.__name__})")
        name = name or cls.registered_name  # type: ignore[attr-defined]
        if not name:
            text = f"{kind} {cls.__qualname__} has no name"
            raise ConfigError(f'{text}: write class {cls.__name__}({base.__name__}, name="…")')
        if not _NAME.fullmatch(name):
            raise ConfigError(f"a {kind}'s name is of letters, digits, - and _, at most 48", name=name)
        return name

    def _claim(self, message: type[Command] | type[Event]) -> None:
        tag = wire_tag(message)
        owner = self._names.setdefault(tag, message)
        if owner is not message:
            raise ConfigError(
                f"the wire name {tag} is used twice", by=owner.__qualname__, and_by=message.__qualname__
            )


def _announced(method: Callable[..., Any]) -> set[type[Event]]:
    """The event classes in the annotation of what a handler returns."""
    try:
        returned = typing.get_type_hints(method).get("return")
    except (NameError, TypeError):
        return set()  # an annotation that only a type checker can read
    found: set[type[Event]] = set()
    waiting = [returned]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and not isinstance(kind, types.GenericAlias) and issubclass(kind, Event):
            found.add(kind)
        waiting += typing.get_args(kind)
    return {event for event in found if event.wire_name}
