"""The sockets of a client."""

import uuid

import zmq


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
