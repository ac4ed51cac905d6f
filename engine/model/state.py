"""The state of an aggregate as a value: to save it, to compare it, to take its digest.

Two objects are in the same state if their canonical bytes are equal, whatever order a dictionary was
filled in and whatever objects are shared.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from engine.model.aggregates import Aggregate

OWN = ("engine_id", "engine_key", "engine_version")  # kept by the engine


def attributes(thing: object) -> dict[str, Any]:
    """Everything an object holds, by attribute name: slots and `__dict__`. Unset slots are left out."""
    values: dict[str, Any] = {}
    for cls in type(thing).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(thing, name):
                values[name] = getattr(thing, name)
    values.update(getattr(thing, "__dict__", {}))
    return values


def canonical(value: Any) -> bytes:
    """Bytes that are equal for equal states. TypeError for what has no state, such as a function."""
    return b"".join(_parts(value))


def state_digest(aggregates: "Mapping[str, Aggregate]") -> str:
    """Hex digest over id, version and state of all aggregates: equal for equal states."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(aggregates):
        aggregate = aggregates[name]
        digest.update(canonical((name, aggregate.engine_version, aggregate.save_state())))
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    """Type, length and content, so that no two different values share their bytes."""
    if value is None or isinstance(value, (bool, int, float, str, bytes, bytearray)):
        # bool before int: True and 1 are different states.
        if isinstance(value, (bytes, bytearray)):
            body = bytes(value)
        else:
            body = repr(value).encode("utf-8", "replace")
        yield b"%s:%d:%s;" % (type(value).__name__.encode(), len(body), body)
    elif isinstance(value, (list, tuple)):
        yield b"[%d:" % len(value)
        for item in value:
            yield from _parts(item)
        yield b"]"
    elif isinstance(value, Mapping):
        yield b"{%d:" % len(value)
        yield from sorted(canonical(key) + b"=" + canonical(item) for key, item in value.items())
        yield b"}"
    elif isinstance(value, (set, frozenset)):
        yield b"<%d:" % len(value)
        yield from sorted(canonical(item) for item in value)
        yield b">"
    elif isinstance(value, msgspec.Struct):
        yield type(value).__qualname__.encode() + b"("
        yield from _parts([getattr(value, name) for name in value.__struct_fields__])
        yield b")"
    elif hasattr(value, "tobytes"):  # arrays of the standard library and of numpy
        yield from _parts((type(value).__name__, value.tobytes()))
    elif callable(value):
        raise TypeError(f"{value!r} is not a state")
    else:
        yield type(value).__qualname__.encode() + b"("
        yield from _parts(attributes(value))
        yield b")"
