"""The socket through which an async client asks one view, driven by the event loop."""

import asyncio

import zmq

from engine.client.queries import QueryRefused, Told, told_in
from engine.client.sockets import dealer
from engine.client.sync import CLOSED


class ViewSocket:
    """The socket of one view, connected to `endpoint`. `waiting`: the answers that are expected, by the
    number of the request."""

    def __init__(self, loop: asyncio.AbstractEventLoop, endpoint: str) -> None:
        self.waiting: dict[int, asyncio.Future[Told]] = {}
        self._frames: dict[int, bytes] = {}
        self._loop = loop
        self.endpoint = endpoint
        self._socket = dealer(endpoint)
        loop.add_reader(self._socket.fileno(), self._receive)

    def move(self, endpoint: str) -> None:
        """The view is elsewhere now: what is waited for is asked again there."""
        if endpoint == self.endpoint:
            return
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self.endpoint, self._socket = endpoint, dealer(endpoint)
        self._loop.add_reader(self._socket.fileno(), self._receive)
        for number in self.waiting:
            self._socket.send(self._frames[number])

    def ask(self, number: int, frame: bytes) -> "asyncio.Future[Told]":
        """Sends a request; the future gets the answer, or raises QueryRefused."""
        future = self.waiting[number] = self._loop.create_future()
        self.ask_again(number, frame)
        return future

    def ask_again(self, number: int, frame: bytes) -> None:
        """Sends a request that may have been lost, for the same future."""
        self._frames = {one: sent for one, sent in self._frames.items() if one in self.waiting}
        self._frames[number] = frame
        self._socket.send(frame)
        self._receive()  # the descriptor reports only changes, and sending may have swallowed one

    def close(self) -> None:
        """Refuses what is waited for, and closes."""
        self._end(list(self.waiting), QueryRefused("closed", CLOSED))
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _receive(self) -> None:
        try:
            while True:
                number, told = told_in(self._socket.recv(zmq.NOBLOCK))
                # Without a number it may be for any of them: better all are refused than all wait in vain.
                self._end(list(self.waiting) if number is None else [number], told)
        except zmq.Again:
            return

    def _end(self, numbers: list[int], told: Told | QueryRefused) -> None:
        for number in numbers:
            future = self.waiting.pop(number, None)
            if future is None or future.done():
                continue
            if isinstance(told, QueryRefused):
                future.set_exception(told)
            else:
                future.set_result(told)
