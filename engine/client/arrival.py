"""The arrival of a node: its address as soon as it answers there.

A node that is starting has no endpoints.json yet, or one where nothing answers yet. So it is looked for, and
knocked at, until a knock is answered.
"""

import contextlib
import time

import zmq

from engine.base.errors import RingfoldError
from engine.client.address import NodeAddress, NodeLocation, address_of
from engine.client.sockets import dealer

LOOK_S = 0.02  # between two checks
KNOCK_S = 1.0  # a knock may have been lost with the process that it was for
KNOCK = b"[]"  # a message without commands: the node refuses it, and by that has answered


class Arrival:
    """A node that may be starting. `look` never waits: it is called again every LOOK_S, until `deadline`."""

    def __init__(self, node: NodeLocation, wait_s: float) -> None:
        self._node, self._wait_s = node, wait_s
        self._deadline = time.monotonic() + wait_s
        self._at = ""  # where was knocked
        self._socket: zmq.Socket[bytes] | None = None
        self._knock_at = 0.0

    def look(self) -> NodeAddress | None:
        """The address of the node if it answers; None: not yet. RingfoldError once the time is up."""
        now, reason = time.monotonic(), "it does not answer"
        try:
            address = address_of(self._node)
        except RingfoldError as error:
            reason = error.message
        else:
            if self._answers(address.commands, now):
                self.close()
                return address
        if now > self._deadline:
            self.close()
            raise RingfoldError("the node was not ready in time", reason=reason, waited_s=self._wait_s)
        return None

    def close(self) -> None:
        """Stops knocking."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _answers(self, endpoint: str, now: float) -> bool:
        if self._socket is None or self._at != endpoint:  # or an earlier node has left this address
            self.close()
            self._socket, self._at, self._knock_at = dealer(endpoint), endpoint, now
        if now >= self._knock_at:
            self._socket.send(KNOCK)
            self._knock_at = now + KNOCK_S
        return bool(self._socket.poll(0))


def arrived(node: NodeLocation, wait_s: float) -> NodeAddress:
    """The address of a node, which may be starting: waited for at most `wait_s` if that is above 0."""
    if wait_s <= 0:
        return address_of(node)
    with contextlib.closing(Arrival(node, wait_s)) as arrival:
        while (address := arrival.look()) is None:
            time.sleep(LOOK_S)
        return address
