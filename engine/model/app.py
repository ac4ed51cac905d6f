"""The app object: everything is registered on it and checked before a node starts."""

import inspect
import re
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from engine.model.aggregates import Aggregate, Exists
from engine.model.messages import Command, Event, Message, wire_tag
from engine.model.projections import Projection
from engine.operate.errors import ConfigError

A = TypeVar("A", bound=type[Aggregate])
P = TypeVar("P", bound=type[Projection])

Handler = tuple[type[Aggregate], Callable[..., Any], Exists]
Applier = Callable[[Any, Any], None]

_PROJECTION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # it names a folder and a process


class ProjectionSpec:
    """A registered projection: its handlers by event class and its queries by name."""

    def __init__(self, name: str, version: int, factory: Callable[[], Projection], cls: type[Projection]):
        self.name, self.version, self.factory = name, version, factory
        self.handlers: dict[type[Event], str] = {}
        self.queries: dict[str, tuple[str, Any]] = {}
        for attribute, method in inspect.getmembers(cls, callable):
            event = getattr(method, "__on__", None)
            if event is not None:
                _expect(event, Event, "event", method)
                if event in self.handlers:
                    raise ConfigError(f"projection {name} has two handlers for {wire_tag(event)}")
                self.handlers[event] = attribute
            query_name = getattr(method, "__query__", None)
            if query_name is not None:
                if query_name == "positions":
                    raise ConfigError(f"projection {name}: every view answers the query positions already")
                if query_name in self.queries:
                    raise ConfigError(f"projection {name} has two queries named {query_name}")
                self.queries[query_name] = (attribute, _request_type(name, method))


class Engine:
    """One application: its aggregates and projections.

        app = Engine("notes")

        @app.aggregate
        class Note(Aggregate): ...
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.fingerprint = ""  # of reference data that decisions depend on; kept with the data directory
        self.handlers: dict[type[Command], Handler] = {}
        self.appliers: dict[type[Event], tuple[type[Aggregate], Applier]] = {}
        self.projections: dict[str, ProjectionSpec] = {}
        self._names: dict[str, type] = {}

    def aggregate(self, cls: A) -> A:
        """Class decorator: registers the command handlers and appliers of an aggregate."""
        for _, method in inspect.getmembers(cls, callable):
            command, exists = getattr(method, "__handles__", (None, None))
            if command is not None:
                _expect(command, Command, "command", method)
                if exists not in typing.get_args(Exists):
                    raise ConfigError(f'{method.__qualname__} handles with exists="{exists}"')
                self._claim(command)
                if command in self.handlers:
                    raise ConfigError(f"two handlers for command {wire_tag(command)}")
                self.handlers[command] = (cls, method, typing.cast(Exists, exists))
            event = getattr(method, "__applies__", None)
            if event is not None:
                _expect(event, Event, "event", method)
                self._claim(event)
                if event in self.appliers:
                    raise ConfigError(f"two appliers for event {wire_tag(event)}")
                self.appliers[event] = (cls, typing.cast(Applier, method))
        return cls

    def projection(
        self, name: str, *, version: int = 1, factory: Callable[[], Projection] | None = None
    ) -> Callable[[P], P]:
        """Class decorator: registers a view under a name; `factory` makes it where it needs arguments."""

        def register(cls: P) -> P:
            if not _PROJECTION_NAME.fullmatch(name):
                raise ConfigError("a projection's name is of letters, digits, - and _, at most 64", name=name)
            if name in self.projections:
                raise ConfigError(f"two projections are named {name}")
            self.projections[name] = ProjectionSpec(name, version, factory or cls, cls)
            return cls

        return register

    def check(self) -> None:
        """Raises ConfigError, one clear line, on anything that could not work."""
        if not self.handlers:
            raise ConfigError(f"application {self.name} handles no command")
        if not self.appliers:
            raise ConfigError(f"application {self.name} applies no event")
        applied = {wire_tag(event) for event in self.appliers}
        for spec in self.projections.values():
            for event in spec.handlers:
                if wire_tag(event) not in applied:
                    raise ConfigError(
                        f"projection {spec.name} reads {wire_tag(event)}, which no aggregate applies"
                    )

    def _claim(self, message: type[Command] | type[Event]) -> None:
        tag = wire_tag(message)
        owner = self._names.setdefault(tag, message)
        if owner is not message:
            raise ConfigError(
                f"the wire name {tag} is used twice", by=owner.__qualname__, and_by=message.__qualname__
            )


def _expect(message: Any, base: type[Message], kind: str, method: Callable[..., Any]) -> None:
    if not (isinstance(message, type) and issubclass(message, base)):
        raise ConfigError(f"{method.__qualname__} is for {message!r}, which is no {kind}")
    try:
        wire_tag(message)
    except TypeError as error:
        raise ConfigError(str(error)) from None


def _request_type(projection: str, method: Callable[..., Any]) -> Any:
    hints = typing.get_type_hints(method)
    hints.pop("return", None)
    if len(hints) != 1:
        raise ConfigError(f"query {method.__qualname__} of {projection} needs one annotated request argument")
    return next(iter(hints.values()))
