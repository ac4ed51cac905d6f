"""Ringfold: an LMAX-style engine for CQRS and event sourcing.

All public names but those of the testing kit (`engine.testing`). In reading order: write messages and an
aggregate, register them on an app, project its events into a view, let a process manager react to them; run
a `Node`, talk to it through a `Client` or an `AsyncClient`, and read what is stored with an `EventLog` or a
`Subscriber`. What is not listed here is not public.

Each name is imported when it is first used: a client needs no LMDB, and `--help` needs nothing at all.
"""

from typing import TYPE_CHECKING

from engine.base.lazy_names import lazy_names

if TYPE_CHECKING:
    from engine.base.errors import (
        ConfigError,
        CorruptData,
        Fault,
        InvariantBroken,
        Locked,
        NoSpace,
        RingfoldError,
    )
    from engine.base.identity import id_from
    from engine.client.aio import AsyncClient
    from engine.client.pool import ClientPool
    from engine.client.queries import QueryRefused
    from engine.client.receipts import Busy, Failed, OutcomeError, Receipt, Rejected, Unknown
    from engine.client.sync import Client
    from engine.client.tickets import Ticket
    from engine.model.aggregates import Aggregate, applies, handles
    from engine.model.app import Engine
    from engine.model.commit import Commit
    from engine.model.delivery import Delivery
    from engine.model.handlers import on
    from engine.model.messages import ApplicationMessage, Command, Event
    from engine.model.outcomes import Decided, Decision, Rejection, reject
    from engine.model.process_managers import ProcessManager, Refusal, Send, refused
    from engine.model.projections import Projection
    from engine.model.queries import query
    from engine.model.stamp import Stamp
    from engine.model.tables import Table
    from engine.model.workers import Tell, Worker, every
    from engine.node.foreign import append_foreign
    from engine.reading.log import EventLog, StoredCommit
    from engine.reading.subscriber import Subscriber
    from engine.store.writer import Conflict
    from engine.supervisor.node import Node
    from engine.vault.vault import Vault

__version__ = "0.1.0"  # the distribution's too: pyproject.toml reads it here

_HOMES = {
    "engine.base.errors": (
        "ConfigError",
        "CorruptData",
        "Fault",
        "InvariantBroken",
        "Locked",
        "NoSpace",
        "RingfoldError",
    ),
    "engine.base.identity": ("id_from",),
    "engine.client.aio": ("AsyncClient",),
    "engine.client.tickets": ("Ticket",),
    "engine.client.pool": ("ClientPool",),
    "engine.client.queries": ("QueryRefused",),
    "engine.client.receipts": ("Busy", "Failed", "OutcomeError", "Receipt", "Rejected", "Unknown"),
    "engine.client.sync": ("Client",),
    "engine.model.aggregates": ("Aggregate", "applies", "handles"),
    "engine.model.app": ("Engine",),
    "engine.model.commit": ("Commit",),
    "engine.model.delivery": ("Delivery",),
    "engine.model.handlers": ("on",),
    "engine.model.messages": ("ApplicationMessage", "Command", "Event"),
    "engine.model.outcomes": ("Decided", "Decision", "Rejection", "reject"),
    "engine.model.process_managers": ("ProcessManager", "Refusal", "Send", "refused"),
    "engine.model.projections": ("Projection",),
    "engine.model.queries": ("query",),
    "engine.model.stamp": ("Stamp",),
    "engine.model.tables": ("Table",),
    "engine.model.workers": ("Tell", "Worker", "every"),
    "engine.reading.log": ("EventLog", "StoredCommit"),
    "engine.reading.subscriber": ("Subscriber",),
    "engine.store.writer": ("Conflict",),
    "engine.node.foreign": ("append_foreign",),
    "engine.supervisor.node": ("Node",),
    "engine.vault.vault": ("Vault",),
}

__all__ = [  # a literal, so that type checkers can read it; a test holds it against the table above
    "Aggregate",
    "ApplicationMessage",
    "AsyncClient",
    "Busy",
    "Client",
    "ClientPool",
    "Command",
    "Commit",
    "ConfigError",
    "Conflict",
    "CorruptData",
    "Decided",
    "Decision",
    "Delivery",
    "Engine",
    "Event",
    "EventLog",
    "Failed",
    "Fault",
    "InvariantBroken",
    "Locked",
    "NoSpace",
    "Node",
    "OutcomeError",
    "ProcessManager",
    "Projection",
    "QueryRefused",
    "Receipt",
    "Refusal",
    "Rejected",
    "Rejection",
    "RingfoldError",
    "Send",
    "Stamp",
    "StoredCommit",
    "Subscriber",
    "Table",
    "Tell",
    "Ticket",
    "Unknown",
    "Vault",
    "Worker",
    "append_foreign",
    "applies",
    "every",
    "handles",
    "id_from",
    "on",
    "query",
    "refused",
    "reject",
]

if not TYPE_CHECKING:  # a type checker reads the imports above, and finds a wrong name
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
