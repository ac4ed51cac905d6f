"""The ticket: a command on its way, until its receipt is there."""

import contextlib
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.client.receipts import Receipt
from engine.model.messages import Command, Event


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
            with contextlib.suppress(msgspec.ValidationError):
                receipt = replace(receipt, result=msgspec.convert(receipt.result, self.result))
        self.receipt = receipt


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
