"""The address of a node: found by its data directory, or given."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from engine.base.errors import RingfoldError
from engine.node.config import Config
from engine.node.running import find_node

DEFAULTS = Config()
LIMITS = ("max_message_bytes", "max_commands_per_message", "max_in_flight_per_client")


class Started(Protocol):
    """A node that this program has started: `engine.Node`."""

    endpoints: dict[str, Any]


NodeLocation = str | os.PathLike[str] | Mapping[str, Any] | Started
"""A data directory; what is in its endpoints.json, or `commands` and `queries` of it; or a started node."""


class NodeAddress(NamedTuple):
    """Where a node is asked, and how much it takes. Where nothing is said, the defaults."""

    commands: str
    queries: dict[str, str]
    """by view"""
    message_bytes: int = DEFAULTS.max_message_bytes
    commands_per_message: int = DEFAULTS.max_commands_per_message
    in_flight_per_client: int = DEFAULTS.max_in_flight_per_client


def address_of(node: NodeLocation) -> NodeAddress:
    """The address of a node. Raises RingfoldError if none is running there."""
    if isinstance(node, Mapping):
        endpoints = node
    elif isinstance(node, (str, os.PathLike)):
        endpoints = find_node(node)
    else:
        endpoints = node.endpoints
        if not endpoints:
            raise RingfoldError("the node is not started", hint="call its start(), or use it by `with`")
    limits = {name.removeprefix("max_"): int(endpoints[name]) for name in LIMITS if name in endpoints}
    return NodeAddress(endpoints["commands"], dict(endpoints.get("queries", {})), **limits)
