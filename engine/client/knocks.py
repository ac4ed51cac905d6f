"""Knocks: messages without commands, by whose answer it is seen that the input process of a node works."""

from engine.client.sockets import dealer

KNOCK_S = 1.0  # a knock may have been lost with the process that it was for
KNOCK = b"[]"  # the node refuses it, and by that has answered


class Knock:
    """A knock at one gate, on a socket of its own: its answer cannot be that of a command."""

    def __init__(self, endpoint: str, now: float) -> None:
        self._socket, self._knock_at = dealer(endpoint), now

    def answered(self, now: float) -> bool:
        """True once the gate has answered; never waits."""
        if now >= self._knock_at:
            self._socket.send(KNOCK)
            self._knock_at = now + KNOCK_S
        return bool(self._socket.poll(0))

    def close(self) -> None:
        """Stops knocking."""
        self._socket.close()


class Knocks:
    """Knocks at several gates, kept until they are answered or no longer needed."""

    def __init__(self) -> None:
        self._at: dict[str, Knock] = {}

    def answered(self, endpoint: str, now: float) -> bool:
        """True once the gate there has answered; never waits."""
        if endpoint not in self._at:
            self._at[endpoint] = Knock(endpoint, now)
        return self._at[endpoint].answered(now)

    def close(self) -> None:
        """Stops knocking everywhere."""
        while self._at:
            self._at.popitem()[1].close()
