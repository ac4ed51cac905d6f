"""Defaults: those of events are stored, so that the past does not change with them.

A struct that leaves its defaults out (`omit_defaults=True`) would undo that, so none may stand in an event.
Those of commands are read when a command is decided, because clients leave them out; they count as code.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import inspect

from engine.base.errors import ConfigError
from engine.model.messages import Command, Event, wire_tag


def expect_stored_defaults(event: type[Event]) -> None:
    """ConfigError if a struct in an event leaves its defaults out."""
    for cls in _structs(inspect.type_info(event), set()):
        if cls.__struct_config__.omit_defaults:
            where = "" if cls is event else f", which is a part of {event.__name__},"
            text = f"{cls.__name__}{where} leaves its defaults out, so what is stored would change with them"
            raise ConfigError(f"{text}: remove omit_defaults=True")


def defaults_of(commands: Iterable[type[Command]]) -> Iterator[str]:
    """A line for each default of each command, in order: `tag.field = value`."""
    for command in sorted(commands, key=wire_tag):
        for field in msgspec.structs.fields(command):
            if field.default is msgspec.UNSET:
                yield f"{wire_tag(command)}.{field.name} is left out"
            elif field.default is not msgspec.NODEFAULT:
                yield f"{wire_tag(command)}.{field.name} = {msgspec.json.encode(field.default).decode()}"
            elif field.default_factory is not msgspec.NODEFAULT:
                factory = field.default_factory
                yield f"{wire_tag(command)}.{field.name} = {getattr(factory, '__qualname__', '?')}()"


def _structs(kind: Any, seen: set[int]) -> Iterator[type[msgspec.Struct]]:
    """Every struct in a type, each once. Types may contain themselves."""
    if id(kind) in seen:
        return
    seen.add(id(kind))
    if isinstance(kind, inspect.StructType):
        yield kind.cls
    if isinstance(kind, (inspect.Type, inspect.Field)):
        for name in kind.__struct_fields__:
            yield from _structs(getattr(kind, name), seen)
    elif isinstance(kind, tuple):
        for part in kind:
            yield from _structs(part, seen)
