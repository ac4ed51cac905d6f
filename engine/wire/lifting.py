"""Lifting: reading an event that was stored under an old version as one of today's.

    stored fields ──upcaster 1 → 2──▶ fields ──upcaster 2 → 3──▶ fields ──convert──▶ class of version 3

What is stored is never rewritten. Only old events are lifted; see `engine.wire.log`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from engine.base.called import called
from engine.base.errors import ConfigError, told
from engine.model.app import Engine, Upcaster
from engine.model.messages import tag_of


class Lift(NamedTuple):
    """The way up from one old version. `target`: the wire tag where it ends."""

    steps: tuple[Upcaster, ...]
    target: str

    def apply(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields of the target version; may change those given. ConfigError if an upcaster gives none."""
        for step in self.steps:
            lifted = step(fields)
            if not isinstance(lifted, dict):
                raise ConfigError(f"the upcaster {step.__qualname__} gives {type(lifted).__name__}, no dict")
            fields = lifted
        return fields


def lifts(app: Engine) -> dict[str, Lift]:
    """Every old wire tag and its way up. A broken chain ends at an unknown tag (`Engine.check`)."""
    ways: dict[str, Lift] = {}
    for name, start in app.upcasters:
        version, steps = start, []
        while (name, version) in app.upcasters:
            version, step = app.upcasters[name, version]
            steps.append(step)
        ways[tag_of(name, start)] = Lift(tuple(steps), tag_of(name, version))
    return ways


class Tagged(msgspec.Struct, frozen=True, gc=False):
    """A message of which only the wire tag is read; empty if it has none."""

    type: str = ""


_decode_tag = msgspec.json.Decoder(Tagged).decode
_decode_fields = msgspec.json.Decoder(dict[str, Any]).decode


def tag_in(message: "msgspec.Raw | bytes") -> str:
    """The wire tag of an encoded event or command; empty if it has none."""
    return _decode_tag(message).type


class EventDecoder:
    """A decoder of single stored events, old or not. `ways`: see `lifts`. `classes`: what to make of each
    wire tag."""

    def __init__(self, ways: Mapping[str, Lift], classes: Mapping[str, type]) -> None:
        self._lifts = ways
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {
            tag: msgspec.json.Decoder(cls) for tag, cls in classes.items()
        }
        self._classes = classes
        self.tags = classes.keys()

    def decode(self, stored: "msgspec.Raw | bytes", **place: object) -> Any:
        """The typed event. ConfigError, with `place` for the operator, if it is unknown or does not fit."""
        tag = tag_in(stored)
        facts: dict[str, Any] = {"event": tag, **place}
        decoder, lift = self._decoders.get(tag), self._lifts.get(tag)
        try:
            if decoder is not None:
                return decoder.decode(stored)
            if lift is None or lift.target not in self._classes:
                hint = f"`{called()} check` lists all such events"
                raise ConfigError("the application does not know an event in the store", **facts, hint=hint)
            fields = _decode_fields(stored)
            del fields["type"]
            return msgspec.convert(lift.apply(fields), self._classes[lift.target], str_keys=True)
        except (ConfigError, RecursionError):
            raise
        except msgspec.ValidationError as error:
            hint = f"give the class a new version and an upcaster; `{called()} check` lists all such events"
            text = "a stored event does not fit its class"
            raise ConfigError(text, **facts, error=error, hint=hint) from error
        except Exception as error:  # of an upcaster, which is the application's code
            raise ConfigError("an upcaster failed", **facts, error=told(error)) from error
