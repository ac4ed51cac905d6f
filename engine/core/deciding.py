"""Deciding a command whose case is not the usual one.

    usual     the aggregate is there, of the right kind, and the decision is one event that it applies
    unusual   there is none, or one of another kind; a version is expected; the decision is several events,
              carries a result, or is a refusal; or deciding failed

What refuses a command is raised: a `Rejection` is a domain rule, a `Failure` is the engine's.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from engine.core.memory import Apply, Memory, Unreadable
from engine.model.aggregates import Aggregate, Exists
from engine.model.app import Engine
from engine.model.fitting import Fits
from engine.model.messages import Command
from engine.model.outcomes import (
    Decided,
    Rejection,
    bad_decision,
    bad_event,
    bad_result,
    cut_message,
    expect_texts,
)
from engine.model.rereading import TOO_DEEP, nests_too_deeply
from engine.wire.answers import Failed, Rejected, Unchanged
from engine.wire.commands import Malformed

Appliers = Mapping[type, Apply]
_encode = msgspec.json.Encoder().encode


class Failure(Exception):
    """A command that cannot be decided. `code`: see docs/PROTOCOL.md."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, cut_message(message)  # it may quote the command


AggregateFor = Callable[[Any, Aggregate | None], Aggregate]
Decider = tuple[type[Aggregate] | None, Callable[..., Any], bool, Appliers, AggregateFor]
"""What decides the commands of one class: (usual, decide, stamped, appliers, aggregate_for). `usual`: the
class whose aggregates may decide at once, None if none may; any other case is put to `aggregate_for` first.
`stamped`: `decide` takes a stamp, which is made only then (0.1 µs). It is a plain tuple: a named one is
unpacked more slowly, once for every command."""


def deciders_of(app: Engine, memory: Memory) -> dict[type[Command], Decider]:
    """The deciders of an application, and the one for commands that do not decode."""
    deciders: dict[type[Command], Decider] = {Malformed: (None, _undecided, False, {}, _malformed)}
    for command, (cls, method, exists, stamped) in app.handlers.items():
        usual = None if exists == "must-not" else cls
        aggregate_for = _asking(cls, exists, memory)
        deciders[command] = (usual, method, stamped, memory.appliers_of(cls), aggregate_for)
    return deciders


def refusal(command: Command, why: Rejection | Failure) -> bytes:
    """The encoded answer to a command that is refused. Raises BadDecision if it says no text."""
    if type(why.code) is not str or type(why.message) is not str:
        expect_texts(why.code, why.message)  # a class of its own, made without that of its base
    kind = Rejected if isinstance(why, Rejection) else Failed
    return kind(command.id, why.code, why.message, command.correlation, command.causation).encode()


def unchanged(command: Command) -> bytes:
    """The encoded answer to a command that had nothing to do."""
    return Unchanged(command.id, command.correlation, command.causation).encode()


def unfold(
    command: Command, decide: Callable[..., Any], decision: Any, appliers: Appliers, fits: Mapping[type, Fits]
) -> tuple[list[Any], Any, bytes | None]:
    """(events, result, encoded answer if the decision is a refusal). Raises BadDecision, about `decide`."""
    result = None
    if isinstance(decision, Rejection):
        return [], None, refusal(command, decision)
    if isinstance(decision, Decided):
        decision, result = decision.events, decision.result
        if result is not None:
            result = _encoded(result, command, decide)
    if decision is None:
        return [], None, None
    events = list(decision) if isinstance(decision, (list, tuple)) else [decision]
    for event in events:
        if type(event) not in appliers:
            raise bad_decision(decide, event)
        if not fits[type(event)](event):
            raise bad_event(decide, event)
    return events, result, None


def _encoded(result: Any, command: Command, decide: Callable[..., Any]) -> msgspec.Raw:
    """The bytes of a result, made while it can still be refused."""
    try:
        encoded = _encode(result)
        _result_decoder(type(command)).decode(encoded)
        if nests_too_deeply(encoded):
            raise ValueError(TOO_DEEP)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise bad_result(decide, type(command), error) from error
    return msgspec.Raw(encoded)


@functools.cache
def _result_decoder(command: type[Command]) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(command.__result__)


def _asking(cls: type[Aggregate], exists: Exists, memory: Memory) -> AggregateFor:
    def aggregate_for(command: Command, aggregate: Aggregate | None) -> Aggregate:
        """The aggregate that decides, perhaps a new one. `aggregate`: what is there under its name."""
        name = command.aggregate
        if aggregate is None:
            if exists == "must":
                raise Failure("aggregate-unknown", f"there is no {name}")
            aggregate = memory.new(cls, name)
        elif isinstance(aggregate, Unreadable):
            raise Failure("unreadable", aggregate.why)
        elif exists == "must-not":
            raise Rejection("already-exists", f"{name} is there already")
        elif type(aggregate) is not cls:
            raise Failure("wrong-aggregate", f"{name} is another kind of aggregate")
        if command.expected_version not in (None, aggregate.engine_version):
            raise Rejection("wrong-version", f"{name} is at version {aggregate.engine_version}")
        return aggregate

    return aggregate_for


def _malformed(command: Malformed, _aggregate: Aggregate | None) -> Aggregate:
    raise Failure(command.code, command.message)


def _undecided(*_: Any) -> Any:
    raise AssertionError("a command that does not decode is refused before it is decided")
