"""The ticket: a command on its way, until its receipt is there."""

import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from engine.client.receipts import Receipt
from engine.model.messages import Command, Event
from engine.wire.commands import LONGEST_AGGREGATE_BYTES, ids_are_canonical

if TYPE_CHECKING:
    import asyncio


class Ticket:
    """A command that was submitted. `receipt` is there when it has come as far as it was asked to."""

    __slots__ = ("body", "deadline", "done", "id", "receipt", "result", "wait")

    id: str
    body: bytes
    wait: str
    deadline: float
    result: Any

    def __init__(self, id: str, body: bytes, wait: str, deadline: float, result: Any = Any) -> None:
        self.id = id
        self.body = body
        self.wait = wait
        self.deadline = deadline
        self.result = result  # the type that its class declares
        self.receipt: Receipt | None = None
        self.done: Any = None  # for the shell that drives this

    def finish(self, receipt: Receipt) -> None:
        """The command has ended. Its result becomes an object of the declared type, or stays as it came if it
        does not fit: what is committed is not to be lost for that."""
        if receipt.result is not None and self.result is not Any:
            with contextlib.suppress(Exception):  # a class may raise anything where its objects are made
                receipt = replace(receipt, result=msgspec.convert(receipt.result, self.result))
        self.receipt = receipt


class Together:
    """Stands in many tickets where a future stands in one: a future for each would cost more than all that a
    client does with a command. `end` returns when all of them are done."""

    __slots__ = ("_ended", "_left")

    def __init__(self) -> None:
        self._ended: asyncio.Future[None] | None = None
        self._left = 0

    def add(self, ticket: Ticket) -> None:
        """Waits for this one too."""
        self._left += 1
        ticket.done = self

    def done(self) -> bool:
        """False, as each ticket is finished once."""
        return False

    def set_result(self, _: object) -> None:
        """One of them is done."""
        self._left -= 1
        if self._left == 0 and self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    async def end(self, loop: "asyncio.AbstractEventLoop") -> None:
        """Returns when the last one is done. To be called when no more are added."""
        if self._left:
            self._ended = loop.create_future()
            await self._ended


def why_not_addressed(command: Command) -> str:
    """What is wrong with the id or the aggregate of a command; empty if nothing is. The node would refuse it,
    but here the program sees where it comes from."""
    id, aggregate = command.id, command.aggregate
    if type(id) is not str:
        return f"an id is a text of 32 lower-case hex digits, not {_short(id)}: of a UUID that is its `hex`"
    if len(id) != 32 or not ids_are_canonical([id]):
        return f"an id is 32 lower-case hex digits, as `uuid.hex` and `id_from(key)` are, not {_short(id)}"
    if type(aggregate) is not str:
        return f"the id of an aggregate is a text, not {_short(aggregate)}"
    if not aggregate or len(aggregate.encode(errors="replace")) > LONGEST_AGGREGATE_BYTES:
        return f"the id of an aggregate has 1 to {LONGEST_AGGREGATE_BYTES} bytes, not {_short(aggregate)}"
    return ""


def _short(thing: object) -> str:
    text = repr(thing)
    return text if len(text) <= 60 else f"{text[:59]}…"


def why_no_command(thing: Any) -> str:
    """Advice about something that was sent in place of a command."""
    if isinstance(thing, type) and issubclass(thing, Command):
        return f"{thing.__name__} is a class: send an object of it, {thing.__name__}(aggregate, …)"
    if isinstance(thing, Event):
        name = type(thing).__name__
        return f"{name} is an event: it has happened already. Send a command, whose handler returns it"
    if isinstance(thing, dict):
        return f"a dictionary is not a command: send an object of a Command class, found {sorted(thing)[:5]}"
    if isinstance(thing, (list, tuple)):
        return f"a {type(thing).__name__} is not a command: send each of them, or all by send_many"
    return f"{type(thing).__name__} is no Command"
