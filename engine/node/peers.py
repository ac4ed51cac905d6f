"""Peers: where the clients of a socket are. ZeroMQ tells it with each message, but to ask costs more than to
take the message. So it is asked now and then, and a client that sends much is soon met."""

import zmq

ASKED_EVERY_S = 0.02
MOST = 1_000
SHOWN_BYTES = 4  # of a routing id: enough to tell clients apart, and too few to take the place of one


class Peers:
    """What is known of the clients of one socket, by their routing ids."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, int]] = {}
        self._next = 0.0

    def due(self, now: float) -> bool:
        """True if it is time to ask about the sender of a message."""
        if now < self._next:
            return False
        self._next = now + ASKED_EVERY_S
        return True

    def met(self, who: bytes, frame: zmq.Frame) -> None:
        """A message has come from it."""
        try:
            address = str(frame.get("Peer-Address"))
        except zmq.ZMQError:
            return
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[who] = place_of(address)

    def named(self, who: bytes) -> tuple[str, int]:
        """(what people call it, its process if that is on this machine and uses a local socket, otherwise
        0)."""
        name, pid = self._known.get(who, ("", 0))
        client = f"client {who[1 : 1 + SHOWN_BYTES].hex()}"
        return (f"{client} at {name}" if name else client), pid


def place_of(address: str) -> tuple[str, int]:
    """(host or process, pid) of what ZeroMQ says: a host, or `localhost:UID:GID:PID` of a local socket."""
    parts = address.rsplit(":", 3)
    if len(parts) == 4 and all(part.isdigit() for part in parts[1:]) and parts[0] == "localhost":
        pid = int(parts[3])  # 0: of another container
        return (f"pid {pid}" if pid else "", pid)
    return (address if address.isprintable() else ""), 0
