"""The query desk of a follower or of the reader: a ROUTER that answers, or holds a query until what it
answers from is far enough.

What goes over the wire is in `engine.wire.queries`; what is asked is answered in `engine.follow.questions`.
"""

import contextlib
import operator
import time
from collections.abc import Mapping
from typing import Protocol

import msgspec
import zmq

from engine.follow.questions import Refused
from engine.wire import queries
from engine.wire.queries import Answered, Request, RequestId, decode_request, encode_answer

MAX_WAITING = 10_000
MAX_REQUEST_BYTES = 1 << 16
MAX_PER_TURN = 200  # then events have their turn
LONGEST_TIMEOUT_MS = 60_000
PARK_S = 60.0  # while nothing waits
LOOK_S = 0.01  # while a query waits for an event that is stored already
LONG_S = 0.05  # a query held for longer than this makes the process check the store


class Answers(Protocol):
    """The source of the answers; see `engine.follow.questions` and `engine.reading.questions`."""

    @property
    def positions(self) -> list[int]:
        """The last position in each partition."""

    def answer(
        self, query: str, args: "msgspec.Raw | bytes", texts: Mapping[str, str] | None = None
    ) -> bytes:
        """The answer, encoded. `texts`: arguments as they were typed, instead of `args`. Raises Refused."""


def desk_socket(endpoint: str) -> "zmq.Socket[bytes]":
    """The ROUTER that is asked."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    socket.setsockopt(zmq.LINGER, 200)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_REQUEST_BYTES)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 2000)
    socket.bind(endpoint)
    return socket


class _Waiting(msgspec.Struct):
    route: list[bytes]
    request: Request
    since: float
    until: float


class Desk:
    """The socket of one view or process manager. `answers` may be replaced while queries wait; clients
    do not notice."""

    def __init__(self, socket: "zmq.Socket[bytes]", answers: Answers) -> None:
        self.answers = answers
        self._waiting: list[_Waiting] = []
        self._patience_s = PARK_S
        self._waits_long = False
        self.socket = socket

    def serve(self) -> bool:
        """Answers what can be answered now. True if there was anything."""
        any_work = self._serve_waiting()
        for _ in range(MAX_PER_TURN):
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            any_work = True
            self._receive(frames[:-1], frames[-1])
        return any_work

    def patience(self) -> float:
        """The seconds for which the process may park."""
        return self._patience_s

    def waits_long(self) -> bool:
        """True if a query is held although its event should have arrived, so that a doorbell message may have
        been lost."""
        return self._waits_long

    def close(self) -> None:
        """Tells waiting clients that no answer will come, and closes."""
        for waiting in self._waiting:
            self._refuse(waiting.route, waiting.request.request, "stopping", "the node stops")
        self.socket.close()

    def _receive(self, route: list[bytes], body: bytes) -> None:
        try:
            request = decode_request(body)
        except msgspec.DecodeError as error:
            self._refuse(route, None, "malformed", str(error))
            return
        aim, after, partitions = request.at_least, request.after, len(self.answers.positions)
        if aim is not None and not 0 <= aim[0] < partitions:
            self._refuse(route, request.request, "malformed", f"there is no partition {aim[0]}")
        elif after is not None and len(after) != partitions:
            text = f"`after` needs a position for each partition: {partitions}"
            self._refuse(route, request.request, "malformed", text)
        elif self._contains(request.at_least) and self._is_beyond(request.after):
            self._answer(route, request)
        elif len(self._waiting) >= MAX_WAITING:
            self._refuse(route, request.request, "busy", "too many queries wait for their position")
        else:
            now, timeout_ms = time.monotonic(), min(request.timeout_ms, LONGEST_TIMEOUT_MS)
            self._waiting.append(_Waiting(route, request, now, now + timeout_ms / 1000))
            self._patience_s = 0.0  # `_serve_waiting` knows how long

    def _contains(self, aim: tuple[int, int] | None) -> bool:
        return aim is None or self.answers.positions[aim[0]] >= aim[1]

    def _is_beyond(self, after: list[int] | None) -> bool:
        return after is None or any(map(operator.gt, self.answers.positions, after))

    def _serve_waiting(self) -> bool:
        self._patience_s, self._waits_long = PARK_S, False
        if not self._waiting:
            return False
        now, still = time.monotonic(), []
        for waiting in self._waiting:
            request, late = waiting.request, now >= waiting.until
            contained = self._contains(request.at_least)
            if contained and (late or self._is_beyond(request.after)):
                self._answer(waiting.route, request)
            elif late:
                self._refuse(waiting.route, request.request, "behind", "the view has not come that far yet")
            else:
                still.append(waiting)
                self._waits_long |= not contained and now - waiting.since > LONG_S
                wake_s = waiting.until - now if contained else min(waiting.until - now, LOOK_S)
                self._patience_s = min(self._patience_s, wake_s)
        served = len(still) < len(self._waiting)
        self._waiting = still
        return served

    def _answer(self, route: list[bytes], request: Request) -> None:
        try:
            answer = self.answers.answer(request.query, request.args, request.texts)
        except Refused as refused:
            self._refuse(route, request.request, refused.code, refused.message)
            return
        positions = self.answers.positions
        self._send(route, Answered(request.request, positions, msgspec.Raw(answer)))

    def _refuse(self, route: list[bytes], request: RequestId, code: str, message: str) -> None:
        self._send(route, queries.Refused(request, self.answers.positions, code, message))

    def _send(self, route: list[bytes], answer: Answered | queries.Refused) -> None:
        with contextlib.suppress(zmq.ZMQError):  # the client has left or does not read
            self.socket.send_multipart([*route, encode_answer(answer)], zmq.NOBLOCK)
