"""The form of message classes: what a class must be like so that its messages can be sent, stored and read.

Python finds most of this out when the first message comes; here it is one line at start, with the place of
the class.
"""

import typing
from typing import Any

import msgspec

from engine.base.errors import ConfigError
from engine.model.marks import place_of_class
from engine.model.messages import Command, Event
from engine.model.readable import unreadable

ADDRESSED_BY = ("aggregate", "id", "expected_version", "correlation", "causation")
"""the engine's fields of a command, under the names that they have on the wire"""


def expect_form(message: type[Command] | type[Event]) -> None:
    """ConfigError for a class whose messages could not be read, or not by what the engine reads of them."""
    if why := _option(message) or unreadable(message):
        raise _wrong(message, f"cannot be read from JSON: {why}")
    fields = {field.name: field for field in msgspec.structs.fields(message)}
    if issubclass(message, Command):
        for name in ADDRESSED_BY:
            if fields[name].encode_name != name:
                text = f"renames the field {name} to {fields[name].encode_name}, and the node reads {name}"
                raise _wrong(message, text)
        if _plain(fields["aggregate"].type) is not str:
            raise _wrong(message, "has a field aggregate that is not a str: it is the aggregate's id")
        if any(field.encode_name == "wait" for field in fields.values()):
            raise _wrong(message, "has a field that is named wait on the wire, where the client's own stands")
        return
    for field in fields.values():
        if why := _misfit(field):
            raise _wrong(message, f"has a default that does not fit the field {field.name}: {why}")


def _option(message: type[msgspec.Struct]) -> str:
    """An option of the class line that makes what the wire does not have; empty if there is none."""
    config = message.__struct_config__
    if config.array_like:
        return "array_like makes an array of it, and a message is an object"
    if config.tag_field != "type":
        return f"tag_field is {config.tag_field}, and every message has its name in type"
    if config.forbid_unknown_fields and issubclass(message, Command):
        return "forbid_unknown_fields forbids what a client adds to say how long it waits"
    return ""


def _misfit(field: msgspec.structs.FieldInfo) -> str:
    """Why the default of a field, which is stored, could not be read again; empty if it can."""
    if field.default is msgspec.NODEFAULT or field.default is msgspec.UNSET:
        return ""
    try:
        msgspec.json.decode(msgspec.json.encode(field.default), type=field.type)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        return str(error)
    return ""


def _plain(hint: Any) -> Any:
    """The type without what annotates it."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def _wrong(message: type, text: str) -> ConfigError:
    return ConfigError(f"{message.__qualname__} {text}", at=place_of_class(message))
