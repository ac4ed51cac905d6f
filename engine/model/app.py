"""The application object, on which everything is registered and checked before a node starts."""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload
from weakref import WeakKeyDictionary

from engine.base.errors import ConfigError
from engine.model.aggregates import Aggregate, CommandHandler, appliers_of, command_handlers_of
from engine.model.checks import check
from engine.model.messages import ApplicationMessage, Command, Event, wire_tag
from engine.model.process_managers import ProcessManager, ProcessManagerSpec
from engine.model.projections import Projection, ProjectionSpec
from engine.model.workers import Worker, WorkerSpec

A = TypeVar("A", bound=type[Aggregate])
P = TypeVar("P", bound=type[Projection])
M = TypeVar("M", bound=type[ProcessManager])
N = TypeVar("N", bound=type[ApplicationMessage])
W = TypeVar("W", bound=type[Worker])

Applier = Callable[[Any, Any], None]
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
U = TypeVar("U", bound=Upcaster)
S = TypeVar("S", bound=Callable[[], object])

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")  # it names a folder and an operating system process
_PATH = re.compile(r"/|(?:/[A-Za-z0-9._-]+)+/?")
_GATEWAYS = ("/api", "/health", "/metrics", "/openapi.json")


_apps: "WeakKeyDictionary[type, Engine]" = WeakKeyDictionary()


def app_of(cls: type) -> "Engine | None":
    """The application that an aggregate, projection or process manager was registered on last: for tests,
    which name the class alone."""
    return _apps.get(cls)


class Engine:
    """One application: its aggregates, projections, process managers, workers and application messages.

        app = Engine("notes")

        @app.aggregate
        class Note(Aggregate): ...

    or, where each class has a file of its own that does not know of the app,

        app = Engine("notes", aggregates=[Note], projections=[Listing])

    Projections, process managers and workers that are listed have their names from their class lines:
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
        workers: Iterable[type[Worker]] = (),
    ) -> None:
        self.name = name
        self.fingerprint = ""  # of reference data that decisions depend on; kept with the data directory
        self.handlers: dict[type[Command], CommandHandler] = {}
        self.appliers: dict[type[Event], tuple[type[Aggregate], Applier]] = {}
        self.aggregates: dict[type[Aggregate], float | None] = {}
        """class → seconds untouched after which one leaves memory; None: never"""
        self.projections: dict[str, ProjectionSpec] = {}
        """name → newest version"""
        self.versions: dict[str, dict[int, ProjectionSpec]] = {}
        """name → every registered version"""
        self.process_managers: dict[str, ProcessManagerSpec] = {}
        self.workers: dict[str, WorkerSpec] = {}
        self.page_packages: dict[str, str] = {}
        """path → package whose files the gateway serves there"""
        self.at_starts: list[Callable[[], object]] = []
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
        for worker in workers:
            self.worker()(worker)

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
            if not (isinstance(cls, type) and issubclass(cls, Aggregate)):
                raise ConfigError(f"{cls!r} is not an aggregate: write class X(Aggregate)")
            if idle_s is not None and not idle_s > 0:
                raise ConfigError(f"aggregate {cls.__qualname__}: idle_s must be above 0", idle_s=idle_s)
            self.aggregates[cls] = idle_s
            _apps[cls] = self
            for command, handler in command_handlers_of(cls):
                self._claim(command)
                if command in self.handlers:
                    both = _both(self.handlers[command].method, handler.method)
                    raise ConfigError(f"two handlers for command {wire_tag(command)}: {both}")
                self.handlers[command] = handler
            for event, applier in appliers_of(cls):
                self._claim(event)
                if event in self.appliers:
                    both = _both(self.appliers[event][1], applier)
                    raise ConfigError(f"two appliers for event {wire_tag(event)}: {both}")
                self.appliers[event] = (cls, applier)
            return cls

        return register if cls is None else register(cls)

    def projection(
        self,
        name: str = "",
        *,
        version: int | None = None,
        factory: Callable[[], Projection] | None = None,
    ) -> Callable[[P], P]:
        """Class decorator: registers a view, `@app.projection("notes", version=1)`.

        `name`, `version`: by default those of the class line. `factory`: makes it where its class needs
        arguments. Where two versions of a name are registered, the older one serves until the newer one is
        built.
        """
        _expect_call("projection", name)

        def register(cls: P) -> P:
            known_as = self._name("projection", cls, Projection, name)
            number = cls.registered_version if version is None else version
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
        _expect_call("process_manager", name)

        def register(cls: M) -> M:
            known_as = self._name("process manager", cls, ProcessManager, name)
            if known_as in self.process_managers:
                raise ConfigError(f"two process managers are named {known_as}")
            self.process_managers[known_as] = ProcessManagerSpec(known_as, factory or cls, cls)
            _apps[cls] = self
            return cls

        return register

    def worker(self, name: str = "", *, factory: Callable[[], Worker] | None = None) -> Callable[[W], W]:
        """Class decorator: registers a worker, `@app.worker("payments")`.

        `name`: by default that of the class line; different from those of views and process managers, since
        all of them are asked by name. `factory`: makes it where its class needs arguments.
        """
        _expect_call("worker", name)

        def register(cls: W) -> W:
            known_as = self._name("worker", cls, Worker, name)
            if known_as in self.workers:
                raise ConfigError(f"two workers are named {known_as}")
            self.workers[known_as] = WorkerSpec(known_as, factory or cls, cls)
            _apps[cls] = self
            return cls

        return register

    def pages(self, package: str, *, at: str = "/") -> None:
        """Has the gateway serve the files of a package, such as `shop.pages`, under a path: its `index.html`
        is that path itself. Those who open a page get a token of their own (docs/HTTP.md)."""
        if not isinstance(package, str) or not all(part.isidentifier() for part in package.split(".")):
            raise ConfigError(f"pages are of a package, such as shop.pages, not {package!r}")
        if not _PATH.fullmatch(at) or any(at.rstrip("/").startswith(own) for own in _GATEWAYS):
            known = ", ".join(_GATEWAYS)
            text = f"pages are under a path such as /office, and not under the gateway's own ({known})"
            raise ConfigError(text, at=at)
        at = at.rstrip("/")
        if at in self.page_packages:
            raise ConfigError("two packages have pages under one path", at=at or "/")
        self.page_packages[at] = package

    def at_start(self, function: S) -> S:
        """Function decorator: called once where a node is started, before its processes. What takes long to
        check, such as a large file, is checked there, and not again by each process that makes the
        application. A ConfigError from it is one line, with exit code 2."""
        self.at_starts.append(function)
        return function

    def message(self, cls: N) -> N:
        """Class decorator: registers an application message, which handlers may then return."""
        if not (isinstance(cls, type) and issubclass(cls, ApplicationMessage)):
            text = "is not an application message: write class X(ApplicationMessage, name=…)"
            raise ConfigError(f"{cls!r} {text}")
        try:
            self._claim(cls)
        except TypeError as error:
            raise ConfigError(str(error)) from None
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
        check(self)

    def _name(self, kind: str, cls: Any, base: type, name: str) -> str:
        """The name under which a class is registered. `name`: the one that its decorator was given."""
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
            raise ConfigError(f"the wire name {tag} is used twice: by {_both(owner, message)}")


def _expect_call(decorator: str, name: Any) -> None:
    """ConfigError where a decorator stands without its parentheses: it would put a function in the place of
    the class, and register nothing."""
    if not isinstance(name, str):
        shown = getattr(name, "__qualname__", repr(name))
        raise ConfigError(f'{shown} is registered without a name: write @app.{decorator}("…") above it')


def _both(one: Any, other: Any) -> str:
    """Two classes or functions by their full names."""
    return " and ".join(f"{thing.__module__}.{thing.__qualname__}" for thing in (one, other))
