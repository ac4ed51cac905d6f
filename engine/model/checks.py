"""The checks of a whole application, before it runs: what no class can tell alone. One clear line each."""

import typing
from collections.abc import Callable, Hashable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from engine.base.errors import ConfigError
from engine.model.aggregates import CommandHandler, expect_constructor
from engine.model.defaults import expect_stored_defaults
from engine.model.forms import expect_form
from engine.model.marks import wrong
from engine.model.messages import ApplicationMessage, Command, Event, wire_tag
from engine.model.outcomes import Decided, why_not_applied

if TYPE_CHECKING:
    from engine.model.app import Engine


def check(app: "Engine") -> None:
    """Raises ConfigError on anything that could not work."""
    names = ", ".join(cls.__name__ for cls in app.aggregates) or "an aggregate"
    if not app.handlers:
        text = f"application {app.name} handles no command: mark a method of {names} with @handles(…)"
        raise ConfigError(text)
    if not app.appliers:
        text = f"application {app.name} applies no event: mark a method of {names} with @applies(…)"
        raise ConfigError(text)
    for cls in app.aggregates:
        expect_constructor(cls)
    for command in app.handlers:
        expect_form(command)
    for event in {**app.appliers, **dict.fromkeys((*app.messages, *_read(app)))}:
        expect_form(event)
    for event in (*app.appliers, *app.messages):
        expect_stored_defaults(event)
    for command, handler in app.handlers.items():
        _check_announced(app, command, handler)
    known = app.events()
    for versions in app.versions.values():
        for spec in versions.values():
            _check_reads(f"projection {spec.name}", spec.events(), known)
    for manager in app.process_managers.values():
        _check_reads(f"process manager {manager.name}", manager.events(), known)
        for command in manager.refusals:
            if command not in app.handlers:
                text = f"process manager {manager.name} handles refusals of {wire_tag(command)}"
                raise ConfigError(f"{text}, which no registered aggregate handles")
    for worker in app.workers.values():
        _check_reads(f"worker {worker.name}", worker.events(), known)
        if worker.name in app.projections or worker.name in app.process_managers:
            raise ConfigError(f"worker {worker.name} has the name of a view or process manager")
    for package in app.page_packages.values():
        if not _is_there(package):
            raise ConfigError(f"app.pages names {package}, and there is no such package")
    _check_chains(app, known)


def _is_there(package: str) -> bool:
    try:
        found = find_spec(package)
    except ImportError:
        return False
    return found is not None and found.submodule_search_locations is not None


def _check_announced(app: "Engine", command: type[Command], handler: CommandHandler) -> None:
    """Every event that the annotation of a handler announces is applied by its aggregate."""
    kinds = _kinds_in(_returned(handler.method))
    if command.__result__ is not Any and not kinds & {Decided, Any, object}:
        text = f"returns no Decided(…, result=…), and {command.__name__} declares a result"
        raise wrong(handler.method, text)
    for event in kinds:
        if not (isinstance(event, type) and issubclass(event, Event) and event.wire_name):
            continue
        owner, _ = app.appliers.get(event, (None, None))
        if owner is not handler.cls and event not in app.messages:
            raise wrong(handler.method, f"returns {event.__name__}, {why_not_applied(event)}")


def _read(app: "Engine") -> set[type[Event]]:
    """The event classes that views, process managers and workers read."""
    views = [spec.events() for versions in app.versions.values() for spec in versions.values()]
    managers = [spec.events() for spec in app.process_managers.values()]
    return set().union(*views, *managers, *(spec.events() for spec in app.workers.values()))


def _check_reads(reader: str, events: set[type[Event]], known: dict[str, type[Event]]) -> None:
    for event in events:
        if wire_tag(event) in known:
            continue
        if issubclass(event, ApplicationMessage):
            text = f"{reader} reads {wire_tag(event)}, which is not registered: put @app.message above it"
            raise ConfigError(text)
        raise ConfigError(f"{reader} reads {wire_tag(event)}, which no registered aggregate applies")


def _check_chains(app: "Engine", known: dict[str, type[Event]]) -> None:
    """Every upcaster leads, step by step, to a version that is in use, and none begins at one."""
    current = {(event.wire_name, event.wire_version) for event in known.values()}
    for name, start in app.upcasters:
        if (name, start) in current:
            text = f"the upcaster of {name} begins at version {start}, which is in use"
            raise ConfigError(f"{text}: give the class of the event the version that it leads to")
        version = start
        while (name, version) in app.upcasters:
            version = app.upcasters[name, version][0]
        if (name, version) not in current:
            text = f"the upcaster of {name} from version {start} ends at version {version}"
            raise ConfigError(f"{text}, which no aggregate applies: register one that goes on from there")


def _returned(method: Callable[..., Any]) -> Any:
    """The annotation of what a handler returns. Any where there is none, or where only a type checker can
    read it."""
    try:
        return typing.get_type_hints(method).get("return", Any)
    except (NameError, TypeError):
        return Any


def _kinds_in(hint: Any) -> set[Any]:
    """Every type in an annotation, its own parts included."""
    kinds: set[Any] = set()
    waiting = [hint]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, Hashable):
            kinds.add(kind)
        waiting += typing.get_args(kind)
    return kinds
