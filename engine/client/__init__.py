"""Clients, sync and async, around one conversation that does no I/O.

Reading order: receipts, conversation, endpoints, sync, aio.
"""

from engine.client.aio import AsyncClient
from engine.client.conversation import Conversation, Ticket
from engine.client.receipts import QueryRefused, Receipt
from engine.client.sync import Client

__all__ = ["AsyncClient", "Client", "Conversation", "QueryRefused", "Receipt", "Ticket"]
