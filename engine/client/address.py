"""The address of a node: found by its data directory, or given."""

import contextlib
import os
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from engine.base.errors import RingfoldError
from engine.node.config import Config
from engine.node.endpoints import Endpoints
from engine.node.running import find_node

DEFAULTS = Config()


class Started(Protocol):
    """A node that this program has started: `engine.Node`."""

    @property
    def endpoints(self) -> Endpoints: ...


NodeLocation = str | os.PathLike[str] | Endpoints | Mapping[str, Any] | Started
"""A data directory; what is in its endpoints.json, or `commands` and `queries` of it; or a started node."""


class _Given(msgspec.Struct):
    """The endpoints that a client uses."""

    commands: str
    queries: dict[str, str] = {}
    process_managers: dict[str, str] = {}
    workers: dict[str, str] = {}
    max_message_bytes: int = DEFAULTS.max_message_bytes
    max_commands_per_message: int = DEFAULTS.max_commands_per_message
    max_in_flight_per_client: int = DEFAULTS.max_in_flight_per_client
    cluster: str = ""


class NodeAddress(NamedTuple):
    """The address of a node and its limits; what is not given has defaults."""

    commands: str
    queries: dict[str, str]
    """by view, process manager or worker; a name that is a view and a process manager is the view"""
    message_bytes: int = DEFAULTS.max_message_bytes
    commands_per_message: int = DEFAULTS.max_commands_per_message
    in_flight_per_client: int = DEFAULTS.max_in_flight_per_client
    cluster: str = ""
    """which one the node belongs to; empty: it is alone"""


def address_again(node: NodeLocation) -> NodeAddress | None:
    """The address of a node that has been silent, which may have been restarted elsewhere; None if it is not
    known now. Endpoints that were given say where the data is, and there stands where the node is today."""
    if isinstance(node, Mapping):
        node = str(node.get("data", "")) or node
    elif isinstance(node, Endpoints):
        node = node.data
    with contextlib.suppress(RingfoldError):
        return address_of(node)
    return None


def address_of(node: NodeLocation) -> NodeAddress:
    """The address of a node. Raises RingfoldError if none is running there."""
    source: Endpoints | Mapping[str, Any]
    if isinstance(node, (str, os.PathLike)):
        source = find_node(node)
    else:
        if not isinstance(node, (Endpoints, Mapping)) and not hasattr(node, "endpoints"):
            raise TypeError(f"a node is a data directory, its endpoints or a Node, not {node!r}")
        source = node if isinstance(node, (Endpoints, Mapping)) else node.endpoints
    given = msgspec.convert(source, _Given, from_attributes=True)
    return NodeAddress(
        given.commands,
        {**given.workers, **given.process_managers, **given.queries},
        given.max_message_bytes,
        given.max_commands_per_message,
        given.max_in_flight_per_client,
        given.cluster,
    )
