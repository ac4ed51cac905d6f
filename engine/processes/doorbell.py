"""The doorbell of a follower: what the output processes of all partitions publish."""

from collections.abc import Iterator, Sequence

import zmq

from engine.wire.doorbell import Notice, decode_notice

DRAIN_RECORDS = 64  # then queries have their turn


class Doorbell:
    """The SUB end of every partition's doorbell."""

    def __init__(self, endpoints: Sequence[str]) -> None:
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.RCVHWM, 1000)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        for endpoint in endpoints:
            self.socket.connect(endpoint)

    def notices(self) -> Iterator[Notice]:
        """The records that have arrived, within bounds."""
        receive = self.socket.recv
        for _ in range(DRAIN_RECORDS):
            try:
                message = receive(zmq.NOBLOCK)
            except zmq.Again:
                return
            yield decode_notice(message)

    def close(self) -> None:
        """Stops listening."""
        self.socket.close(0)
