"""Ringfold: an LMAX-style engine for CQRS and event sourcing.

The public names, in reading order: write messages and an aggregate, register them on an app, project
its events into a view, let a process manager react to them, and talk to a running node through a client.

Each name is imported when it is first used: a client needs no LMDB, and `--help` needs nothing at all.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.base.errors import ConfigError, Fault, InvariantBroken, RingfoldError
    from engine.model.aggregates import Aggregate, applies, handles
    from engine.model.app import Engine
    from engine.model.commit import Commit
    from engine.model.handlers import on
    from engine.model.messages import ApplicationMessage, Command, Event
    from engine.model.outcomes import Decided, Decision, Rejection, reject
    from engine.model.process_managers import MINUTE_NS, Process, Refusal, Send, refused
    from engine.model.projections import NoArguments, Projection, query
    from engine.model.stamp import Stamp
    from engine.model.tables import Table

_HOMES = {
    "engine.base.errors": ("ConfigError", "Fault", "InvariantBroken", "RingfoldError"),
    "engine.model.aggregates": ("Aggregate", "applies", "handles"),
    "engine.model.app": ("Engine",),
    "engine.model.commit": ("Commit",),
    "engine.model.handlers": ("on",),
    "engine.model.messages": ("ApplicationMessage", "Command", "Event"),
    "engine.model.outcomes": ("Decided", "Decision", "Rejection", "reject"),
    "engine.model.process_managers": ("MINUTE_NS", "Process", "Refusal", "Send", "refused"),
    "engine.model.projections": ("NoArguments", "Projection", "query"),
    "engine.model.stamp": ("Stamp",),
    "engine.model.tables": ("Table",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # a literal, so that type checkers can read it; a test holds it against the table above
    "MINUTE_NS",
    "Aggregate",
    "ApplicationMessage",
    "Command",
    "Commit",
    "ConfigError",
    "Decided",
    "Decision",
    "Engine",
    "Event",
    "Fault",
    "InvariantBroken",
    "NoArguments",
    "Process",
    "Projection",
    "Refusal",
    "Rejection",
    "RingfoldError",
    "Send",
    "Stamp",
    "Table",
    "applies",
    "handles",
    "on",
    "query",
    "refused",
    "reject",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value  # the next look finds it without coming here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
