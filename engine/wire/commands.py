"""Commands: JSON objects as clients write them, alone or several in an array.

    message   command | [command, …]               one client's; a body of a section is always an array
    command   {"type": …, "aggregate": …, "id": …, fields of the application, "wait": "accepted" if so}

They are decoded twice. The gate reads ids and aggregates and counts the commands, so that nothing malformed
is journaled. The core decodes a whole body at once, typed and in full, and one by one only if that fails, so
that a bad command never affects its neighbours.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Union

import msgspec
from msgspec.inspect import type_info

from engine.base.decoding import NOT_DECODABLE
from engine.model.app import Engine
from engine.model.fitting import fits_of
from engine.model.messages import Command, wire_tag
from engine.wire.lifting import tag_in

MAX_DEPTH = 64

Id = Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
AggregateId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]  # in characters; see `wrong_with`


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The fields of a command that the gate reads."""

    id: Id
    aggregate: AggregateId
    wait: str = ""


LONGEST_AGGREGATE_BYTES = 200  # of UTF-8: an id may become part of a key of an index or a view
MOST_AHEAD_MS = 3_600_000
NO_HORIZON = 32 * "f"


def horizon_of(now_ns: int) -> str:
    """An id that is higher than all that a client makes whose clock is at most an hour ahead of this one."""
    return f"{now_ns // 1_000_000 + MOST_AHEAD_MS:012x}" + 20 * "f"


def wrong_with(envelopes: Sequence[Envelope], horizon: str) -> str:
    """What is wrong with ids or aggregates of commands; empty if nothing is.

    One id from far in the future would be the highest for years, and every later one would be searched for.
    """
    ids = [envelope.id for envelope in envelopes]
    if not ids_are_canonical(ids):
        return "an id is 32 lower-case hex digits"
    if max(ids) > horizon:
        return "the id is of a time that is more than an hour ahead"
    names = [envelope.aggregate for envelope in envelopes]
    return "" if "".join(names).isascii() else next(filter(None, map(wrong_with_name, names)), "")


def wrong_with_name(aggregate: str) -> str:
    """What is wrong with the id of an aggregate; empty if nothing is."""
    length = len(aggregate) if aggregate.isascii() else len(aggregate.encode())
    if length > LONGEST_AGGREGATE_BYTES:
        return f"an aggregate's id may have {LONGEST_AGGREGATE_BYTES} bytes, this one has {length}"
    return "" if aggregate else "an aggregate's id may not be empty"


class Malformed(Command, kw_only=True):
    """Stands in for a command that does not decode."""

    code: str
    message: str

    @classmethod
    def of(cls, command: Envelope | Command, code: str, message: str) -> "Malformed":
        """In the place of this one."""
        return cls(command.aggregate, id=command.id, code=code, message=message)


decode_envelopes = msgspec.json.Decoder(list[Envelope]).decode
decode_envelope = msgspec.json.Decoder(Envelope).decode
decode_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def encode_command(command: Command, *, early: bool = False) -> bytes:
    """The bytes of a command. `early`: its client wants to be told when it is journaled."""
    body = _encode(command)
    return body[:-1] + b',"wait":"accepted"}' if early else body


def join_commands(commands: Iterable[bytes]) -> bytes:
    """Encoded commands as one array."""
    return b"[" + b",".join(commands) + b"]"


def split_commands(body: bytes) -> list[bytes]:
    """The commands of an array, still encoded. Raises one of NOT_DECODABLE."""
    return [bytes(raw) for raw in decode_raws(body)]


def ids_are_canonical(ids: list[str]) -> bool:
    """True if each id (32 characters, as the envelope checks) is lower-case hex."""
    joined = "".join(ids)
    try:
        return bytes.fromhex(joined).hex() == joined
    except ValueError:
        return False


class CommandDecoder:
    """Decodes bodies into the commands of one application.

    Where a type lets a client nest as it likes (`Any`, a type within itself) the nesting is bounded: what
    reads the event that it ends up in does so from another depth of the stack, and must not fail there.
    """

    def __init__(self, app: Engine) -> None:
        self._known = {wire_tag(command) for command in app.handlers}
        union: Any = Union[tuple(app.handlers)]  # noqa: UP007  a union built at run time
        self._one = msgspec.json.Decoder(union).decode
        self._many = msgspec.json.Decoder(list[union]).decode
        self._open = {command for command in app.handlers if _is_open(type_info(command))}

    def decode(self, body: bytes) -> list[Command]:
        """All commands of a body in order, with `Malformed` in the place of those that do not decode."""
        try:
            commands: list[Command] = self._many(body)
        except NOT_DECODABLE:
            commands = [self._decode_one(raw) for raw in decode_raws(body)]
        return [self._bounded(command) for command in commands] if self._open else commands

    def takes_as_is(self, command: Command) -> bool:
        """True if a command surely arrives as it is, so that it need not be written and read to see that."""
        cls = type(command)
        return cls not in self._open and fits_of(cls)(command)

    def _bounded(self, command: Command) -> Command:
        if type(command) in self._open and _nests_deeper(command, MAX_DEPTH):
            text = f"nested deeper than {MAX_DEPTH} levels"
            return Malformed.of(command, "malformed", text)
        return command

    def _decode_one(self, raw: msgspec.Raw) -> Command:
        try:
            return self._one(raw)  # type: ignore[no-any-return]
        except NOT_DECODABLE as error:
            envelope = decode_envelope(raw)
            try:
                kind = tag_in(raw)
            except NOT_DECODABLE:
                kind = ""
            if kind and kind not in self._known:
                return Malformed.of(envelope, "unknown-command", f"no handler for {kind}")
            return Malformed.of(envelope, "malformed", str(error))


def _is_open(kind: Any, above: tuple[type, ...] = ()) -> bool:
    """True if values of a type may nest without bound."""
    if isinstance(kind, (msgspec.inspect.AnyType, msgspec.inspect.RawType)):
        return True
    cls = getattr(kind, "cls", None)
    if cls is not None and cls in above:
        return True
    inner = [getattr(kind, name, None) for name in ("item_type", "key_type", "value_type")]
    inner += [*getattr(kind, "item_types", ()), *getattr(kind, "types", ())]
    inner += [field.type for field in getattr(kind, "fields", ())]
    within = above if cls is None else (*above, cls)
    return any(_is_open(part, within) for part in inner if part is not None)


def _nests_deeper(value: Any, left: int) -> bool:
    if isinstance(value, msgspec.Struct):
        inner: Any = [getattr(value, name) for name in value.__struct_fields__]
    elif isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = value
    elif isinstance(value, msgspec.Raw):
        inner = [msgspec.json.decode(value)]
    else:
        return False
    return left == 0 or any(_nests_deeper(part, left - 1) for part in inner)
