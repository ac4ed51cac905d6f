"""Ringfold: an LMAX-style engine for CQRS and event sourcing.

The public names, in reading order: write messages and an aggregate, register them on an app, project
its events into a view, let a process manager react to them, and talk to a running node through a client.
"""

from engine.model.aggregates import Aggregate, applies, handles
from engine.model.app import Engine
from engine.model.handlers import on
from engine.model.messages import ApplicationMessage, Command, Event
from engine.model.outcomes import Decided, Decision, Rejection, reject
from engine.model.processes import MINUTE_NS, Process, Refusal, Send, refused
from engine.model.projections import NoArguments, Projection, query
from engine.model.stamp import Stamp
from engine.model.tables import Table
from engine.operate.errors import ConfigError, Fault, InvariantBroken, RingfoldError
from engine.wire.log import Commit

__all__ = [
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
