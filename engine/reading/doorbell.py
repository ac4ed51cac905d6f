"""The doorbell of a reader outside the node, which is only a reason to check the store.

What it brings is thrown away and what it drops is not missed, because the store is read in any case. When
no node runs, or one was restarted, waiting ends after a moment all the same.
"""

import json
import time
from pathlib import Path

import zmq

from engine.node.data_directory import DataDirectory

LOOK_S = 0.25  # a doorbell that was not heard costs at most this
NODE_S = 1.0  # between two checks for another node


class Doorbell:
    """Waits for whatever node runs on a data directory. For one thread."""

    def __init__(self, data: Path) -> None:
        self._path = DataDirectory(data).endpoints
        self._connected: list[str] = []
        self._socket: zmq.Socket[bytes] | None = None
        self._look_at = 0.0
        self._find()

    def wait(self, timeout_s: float) -> None:
        """Returns when something new may be stored, at the latest after `timeout_s` or LOOK_S."""
        patience = max(0.0, min(timeout_s, LOOK_S))
        if time.monotonic() > self._look_at:
            self._find()
        if self._socket is None:
            time.sleep(patience)
        elif self._socket.poll(int(patience * 1000) + 1):
            self._socket.recv(zmq.NOBLOCK)

    def close(self) -> None:
        """Stops listening."""
        if self._socket is not None:
            self._socket.close(0)
            self._socket = None

    def _find(self) -> None:
        """Connects to the node that runs now, if it is another one."""
        self._look_at = time.monotonic() + NODE_S
        try:
            endpoints = list(json.loads(self._path.read_bytes())["events"])
        except (OSError, ValueError, KeyError):
            return  # none runs, or one that is starting
        if endpoints == self._connected:
            return
        self.close()
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        socket.setsockopt(zmq.CONFLATE, 1)  # only the newest is kept: a reader that is slow keeps no memory
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        for endpoint in endpoints:
            socket.connect(endpoint)
        self._socket, self._connected = socket, endpoints
