"""Clients, sync and async, around one conversation that does no I/O.

Reading order: receipts, conversation, endpoints, sync, aio.

The async client is imported when it is first used: asyncio takes longer to import than all of the rest.
"""

from typing import TYPE_CHECKING, Any

from engine.client.conversation import Conversation, Ticket
from engine.client.receipts import QueryRefused, Receipt
from engine.client.sync import Client

if TYPE_CHECKING:
    from engine.client.aio import AsyncClient

__all__ = ["AsyncClient", "Client", "Conversation", "QueryRefused", "Receipt", "Ticket"]


def __getattr__(name: str) -> Any:
    if name != "AsyncClient":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from engine.client.aio import AsyncClient

    return AsyncClient
