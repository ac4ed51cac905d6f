"""The query desk of a follower or of the reader: a ROUTER that answers, or holds a query until what it
answers from is far enough.

What goes over the wire is in `engine.wire.queries`; what is asked is answered in `engine.follow.questions`.
"""

import contextlib
import operator
import time
from collections.abc import Mapping
from functools import partial
from typing import Protocol

import msgspec
import zmq

from engine.base.decoding import NOT_DECODABLE
from engine.base.guard import Guard
from engine.base.log import Log
from engine.base.log_codes import Code
from engine.follow.questions import Refused
from engine.wire import queries
from engine.wire.queries import (
    MAX_REQUEST_BYTES,
    Answered,
    Request,
    RequestId,
    decode_request,
    encode_answer,
)

MAX_WAITING = 10_000
MAX_WAITING_BYTES = 64 << 20  # of all of them
LONGEST_ROUTE = 1_024  # a routing id has 255 bytes at most; the rest is for envelopes of proxies
MOST_FRAMES = 16
MAX_PER_TURN = 200  # then events have their turn
TURN_S = 0.05  # or when so much time has passed: no client may keep the process from its beat
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


def desk_socket(endpoint: str, log: Log | None = None) -> "zmq.Socket[bytes]":
    """The ROUTER that is asked. What its guard does is logged."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
    socket.setsockopt(zmq.LINGER, 200)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_REQUEST_BYTES)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 2000)
    if log is not None:
        Guard(socket, partial(log, Code.CLIENT_REFUSED))
    socket.bind(endpoint)
    return socket


class _Waiting(msgspec.Struct):
    route: list[bytes]
    request: Request
    size: int
    since: float
    until: float


class Desk:
    """The socket of one view or process manager. `answers` may be replaced while queries wait; clients
    do not notice. `holds`: a query waits for its position; otherwise all are answered at once."""

    def __init__(self, socket: "zmq.Socket[bytes]", answers: Answers, *, holds: bool = True) -> None:
        self.answers, self._holds = answers, holds
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._patience_s = PARK_S
        self._waits_long = False
        self.socket = socket

    def serve(self) -> bool:
        """Answers what can be answered now. True if there was anything."""
        until = time.monotonic() + TURN_S
        any_work = self._serve_waiting(until)
        for _ in range(MAX_PER_TURN):
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            any_work = True
            if sum(map(len, frames[:-1])) <= LONGEST_ROUTE and len(frames) <= MOST_FRAMES:
                self._receive(frames[:-1], frames[-1])
            if time.monotonic() > until:
                break
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
        except NOT_DECODABLE as error:
            self._refuse(route, None, "malformed", str(error))
            return
        positions, aim, after = self.answers.positions, request.at_least, request.after
        if aim is not None and not 0 <= aim[0] < len(positions):
            self._refuse(route, request.request, "malformed", f"there is no partition {aim[0]}")
        elif after is not None and len(after) != len(positions):
            text = f"`after` needs a position for each partition: {len(positions)}"
            self._refuse(route, request.request, "malformed", text)
        elif not self._holds or (_contain(positions, aim) and _are_beyond(positions, after)):
            self._answer(route, request)
        else:
            self._hold(route, request, sum(map(len, route)) + len(body))

    def _hold(self, route: list[bytes], request: Request, size: int) -> None:
        if len(self._waiting) >= MAX_WAITING or self._waiting_bytes + size > MAX_WAITING_BYTES:
            self._refuse(route, request.request, "busy", "too many queries wait for their position")
            return
        now, timeout_ms = time.monotonic(), max(0, min(request.timeout_ms, LONGEST_TIMEOUT_MS))
        self._waiting.append(_Waiting(route, request, size, now, now + timeout_ms / 1000))
        self._waiting_bytes += size
        self._patience_s = 0.0  # `_serve_waiting` knows how long

    def _serve_waiting(self, until: float) -> bool:
        self._patience_s, self._waits_long = PARK_S, False
        if not self._waiting:
            return False
        now, positions = time.monotonic(), self.answers.positions
        still: list[_Waiting] = []
        for number, waiting in enumerate(self._waiting):
            request, late = waiting.request, now >= waiting.until
            contained = _contain(positions, request.at_least)
            if contained and (late or _are_beyond(positions, request.after)):
                self._answer(waiting.route, request)
                if time.monotonic() > until:
                    still += self._waiting[number + 1 :]
                    self._patience_s = 0.0
                    break
            elif late:
                self._refuse(waiting.route, request.request, "behind", "the view has not come that far yet")
            else:
                still.append(waiting)
                self._waits_long |= not contained and now - waiting.since > LONG_S
                wake_s = waiting.until - now if contained else min(waiting.until - now, LOOK_S)
                self._patience_s = min(self._patience_s, wake_s)
        served = len(still) < len(self._waiting)
        self._waiting = still
        self._waiting_bytes = sum(waiting.size for waiting in still)
        return served

    def _answer(self, route: list[bytes], request: Request) -> None:
        # Read first: of what is stored meanwhile a client would think that the answer has it.
        positions = self.answers.positions
        try:
            answer = self.answers.answer(request.query, request.args, request.texts)
        except Refused as refused:
            self._refuse(route, request.request, refused.code, refused.message)
            return
        self._send(route, Answered(request.request, positions, msgspec.Raw(answer)))

    def _refuse(self, route: list[bytes], request: RequestId, code: str, message: str) -> None:
        text = message.encode(errors="backslashreplace").decode()  # of any exception, so of any characters
        self._send(route, queries.Refused(request, self.answers.positions, code, text))

    def _send(self, route: list[bytes], answer: Answered | queries.Refused) -> None:
        with contextlib.suppress(zmq.ZMQError):  # the client has left or does not read
            self.socket.send_multipart([*route, encode_answer(answer)], zmq.NOBLOCK)


def _contain(positions: list[int], aim: tuple[int, int] | None) -> bool:
    """True if what has come so far contains the (partition, position) that is wanted."""
    return aim is None or positions[aim[0]] >= aim[1]


def _are_beyond(positions: list[int], after: list[int] | None) -> bool:
    """True if something has come after these positions, in any partition."""
    return after is None or any(map(operator.gt, positions, after))
