"""An instance of a process manager: what of its state, outbox and timers belongs to one id.

A process manager is one object for everything that happens, so an instance is what an operator means by one
id: of an order, a transfer, a command, a correlation. To it belong

    state         under the key itself, and under keys that begin with it (`order-7` and `order-7/paid`)
    outbox        commands that have the id as their aggregate or in another field
    timers        the same, and those whose key is the id or begins with it
    dead letters  of the aggregate or the command
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import msgspec

from engine.managers.manager import Manager
from engine.managers.outbox import OutboxEntry
from engine.model.messages import Command

MOST_SHOWN = 100  # of each kind


def instance_of(manager: Manager, id: str, dead_letters: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """{"state": {key: value}, "outbox": […], "timers": […], "dead_letters": […]}, the first of each."""
    state = ((key, value) for key, value in manager.state.rows(id) if begins_with(key, id))
    outbox = (document_of_entry(entry) for entry in manager.outbox if mentions(entry.command, id))
    timers = (
        document_of_timer(*timer)
        for timer in manager.timers.pending()
        if begins_with(timer[1], id) or mentions(timer[2], id)
    )
    return {
        "state": dict(islice(state, MOST_SHOWN)),
        "outbox": list(islice(outbox, MOST_SHOWN)),
        "timers": list(islice(timers, MOST_SHOWN)),
        "dead_letters": [letter for letter in dead_letters if id in (letter["aggregate"], letter["command"])],
    }


def document_of_entry(entry: OutboxEntry) -> dict[str, Any]:
    """An entry of the outbox as it is shown."""
    return {"command": msgspec.to_builtins(entry.command), "refusal": msgspec.to_builtins(entry.refusal)}


def document_of_timer(due_ns: int, key: str, command: Command) -> dict[str, Any]:
    """A timer as it is shown."""
    return {"due_ns": due_ns, "key": key, "command": msgspec.to_builtins(command)}


def begins_with(key: str, id: str) -> bool:
    """True if a key is the id, or the id and more that is set off from it: `order-10` is not of `order-1`."""
    return key.startswith(id) and not key[len(id) : len(id) + 1].isalnum()


def mentions(command: Command, id: str) -> bool:
    """True if a field of the command is the id."""
    return id in [value for value in msgspec.structs.astuple(command) if isinstance(value, str)]
