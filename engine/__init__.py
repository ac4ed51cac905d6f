"""Ringfold: an LMAX-style engine for CQRS and event sourcing.

The public names, in reading order: write messages and an aggregate, register them on an app, project
its events into a view, and talk to a running node through a client.
"""

from engine.model.aggregates import Aggregate, applies, handles
from engine.model.app import Engine
from engine.model.messages import Command, Event
from engine.model.outcomes import Decided, Decision, Rejection, reject
from engine.model.projections import NoArguments, Projection, on, query
from engine.model.stamp import Stamp
from engine.operate.errors import ConfigError, Fault, InvariantBroken, RingfoldError
from engine.wire.log import Commit

__all__ = [
    "Aggregate",
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
    "Projection",
    "Rejection",
    "RingfoldError",
    "Stamp",
    "applies",
    "handles",
    "on",
    "query",
    "reject",
]
