"""The client's half of queries, without any I/O: requests, answers, and waiting for answers."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.errors import RingfoldError
from engine.client.receipts import Receipt
from engine.wire.queries import decode_answer, encode_request, number_of, wrong_with_request

GRACE_S = 0.5  # a view reports itself when it is behind; this is the time for its answer to arrive
HELD_S = 2.0  # a request is held so long at most, and then repeated: it may be lost with a view that restarts
PAUSE_S = 0.05  # before a view that stops, or that too many ask, is asked again
LONGEST_TOLD = 200  # bytes of the last answer in an error
AGAIN = ("behind", "busy", "stopping")  # codes of refusals that may be different soon

AtLeast = Receipt | tuple[int, int] | None
"""The events that an answer must contain: those of a receipt, or up to a (partition, position)."""


class QueryRefused(RingfoldError):
    """A query that is not answered. `code`: see docs/PROTOCOL.md; `unknown-view`: the node has no such view,
    `closed`: the client was closed before the answer came, `unreadable`: the answer cannot be read,
    `too-large`: the query was not sent, because a view would not take it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Question(NamedTuple):
    """A query and its arguments. `decode` makes the answer from its JSON."""

    view: str
    query: str
    args: Any = None
    decode: Callable[[msgspec.Raw], Any] = msgspec.json.decode

    def frame(self, number: int, at_least: AtLeast, after: list[int] | None, timeout_s: float) -> bytes:
        """The request. `number` comes back with the answer. Raises QueryRefused if it is too large."""
        request = encode_request(
            self.query,
            self.args,
            request=number,
            at_least=position_of(at_least),
            after=after,
            timeout_ms=max(0, int(timeout_s * 1000)),
        )
        if problem := wrong_with_request(request):
            raise QueryRefused("too-large", problem)
        return request


class Told(NamedTuple):
    """An answer, still encoded, and how far the view was when it gave it."""

    answer: msgspec.Raw
    positions: list[int]


def told_in(frame: bytes) -> tuple[int | None, Told | QueryRefused]:
    """(number of the request, what was told). The number is None if the view could not make it out."""
    try:
        received = decode_answer(frame)
    except NOT_DECODABLE as error:
        return number_of(frame), QueryRefused("unreadable", f"the answer cannot be read: {error}")
    number = received.request if isinstance(received.request, int) else None
    if received.error:
        return number, QueryRefused(received.error, received.message)
    return number, Told(received.answer, received.positions)


def position_of(at_least: AtLeast) -> tuple[int, int] | None:
    """The (partition, position) that an answer must contain; None if the receipt is of no events."""
    if not isinstance(at_least, Receipt):
        return at_least
    return at_least.at if at_least.position else None


def endpoint_of(view: str, endpoints: Mapping[str, str]) -> str:
    """The endpoint of a view. Raises QueryRefused, which names the existing views."""
    if view not in endpoints:
        known = ", ".join(endpoints) or "no views"
        raise QueryRefused("unknown-view", f"there is no view {view!r}; the node has {known}")
    return endpoints[view]


class Watch:
    """An answer that is waited for: asked, tried, and asked again once the view has moved on.

    ask with `at_least`, `after` and `held_s` → `told` or `refused` → … until `done`
    """

    def __init__(
        self,
        question: Question,
        predicate: Callable[[Any], object],
        at_least: AtLeast,
        timeout_s: float,
        now: float,
    ) -> None:
        self.done = False
        self.answer: Any = None
        self.at_least = at_least
        self.after: list[int] | None = None
        """where the view was when it gave the answer that did not do"""
        self.question, self._predicate = question, predicate
        self._timeout_s, self._deadline = timeout_s, now + timeout_s
        self._last: msgspec.Raw | str = "no answer"

    def held_s(self, now: float) -> float:
        """The time for which the view may hold the next request."""
        return max(0.0, min(self._deadline - now, HELD_S))

    def told(self, told: Told, now: float) -> None:
        """An answer came. Raises TimeoutError if it does not do and the time is up."""
        self.answer = self.question.decode(told.answer)
        self.done = bool(self._predicate(self.answer))
        self.after = told.positions  # `at_least` stays: the next answer may be another node's
        self._last = told.answer
        self._look(now)

    def refused(self, error: QueryRefused | TimeoutError, now: float) -> float:
        """No answer came. Returns how long to pause; raises what cannot be different soon."""
        if isinstance(error, QueryRefused):
            if error.code not in AGAIN:
                raise error
            self._last = error.message
        self._look(now)
        return PAUSE_S if isinstance(error, QueryRefused) and error.code != "behind" else 0.0

    def _look(self, now: float) -> None:
        if not self.done and now >= self._deadline:
            raise self.given_up(f"{self._timeout_s} s have passed")

    def given_up(self, reason: str) -> TimeoutError:
        """The error of an answer that does not come."""
        text = f"{self.question.query} of view {self.question.view} is not as wanted"
        last = self._last
        if not isinstance(last, str):
            last = f"it answers {bytes(last)[:LONGEST_TOLD].decode(errors='replace')}"
        return TimeoutError(f"{text}, {reason}: {last}")
