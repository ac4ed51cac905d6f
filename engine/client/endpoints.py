"""Where a node is: found by its data directory, or given."""

import os
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import zmq

from engine.client.receipts import QueryRefused
from engine.node.config import Config
from engine.node.running import find_node
from engine.wire.queries import decode_answer, encode_request

DEFAULTS = Config()

NodeLocation = str | os.PathLike[str] | Mapping[str, Any]


class NodeAddress(NamedTuple):
    """Where a node is asked, and the largest message that it takes. Nothing said: the defaults."""

    commands: str
    queries: dict[str, str]
    """by view"""
    message_bytes: int = DEFAULTS.max_message_bytes
    commands_per_message: int = DEFAULTS.max_commands_per_message


def address_of(node: NodeLocation) -> NodeAddress:
    """`node`: a data directory, or a mapping with `commands` and `queries`. Raises RingfoldError if no node
    is running there."""
    endpoints = node if isinstance(node, Mapping) else find_node(node)
    limits = {
        name.removeprefix("max_"): int(endpoints[name])
        for name in ("max_message_bytes", "max_commands_per_message")
        if name in endpoints
    }
    return NodeAddress(endpoints["commands"], dict(endpoints.get("queries", {})), **limits)


def dealer(endpoint: str) -> "zmq.Socket[bytes]":
    """A connected DEALER that keeps its name across reconnections."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.ROUTING_ID, b"\1" + uuid.uuid4().bytes[1:])
    socket.setsockopt(zmq.SNDHWM, 0)  # what is in flight is bounded by the conversation
    socket.setsockopt(zmq.RECONNECT_IVL, 20)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
    socket.connect(endpoint)
    return socket


def question(
    query: str, args: Any, at_least: tuple[int, int] | None, timeout_s: float, number: int
) -> bytes:
    """The frame of a query."""
    timeout_ms = int(timeout_s * 1000)
    return encode_request(query, args, request=number, at_least=at_least, timeout_ms=timeout_ms)


def answer_in(frame: bytes) -> tuple[int | None, Any]:
    """(number of the request, answer). The answer to a query that was refused is a QueryRefused; the number
    is None if the view could not make it out."""
    received = decode_answer(frame)
    number = received.request if isinstance(received.request, int) else None
    if received.error:
        return number, QueryRefused(received.error, received.message)
    return number, msgspec.json.decode(received.answer)
