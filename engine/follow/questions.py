"""What a view or a process manager answers when it is asked: its own queries, and what all of them answer.

    positions                             null; the positions stand in every answer
    lag                                   {partition: {"events": n, "seconds": age of the oldest of them}}
    dead-letters                          what is set aside, and how many commits are held for each
    dead-letter-retry  {"aggregate": …}   retries one now, or all without a name → those that are left
    dead-letter-drop   {"aggregate": …}   skips the commit that fails → those that are left
    queries                               its own: {name: see `signature_of`}
    versions, rebuild                     of a view: see `Versions`

It has no socket and no thread; tests ask it as the query desk does.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.errors import BUGS, told
from engine.follow.arguments import arguments_of, signature_of, taken_by
from engine.follow.dead_letters import DeadLetter
from engine.follow.fold import Fold
from engine.follow.projected import Projected
from engine.store import Reader
from engine.wire.documents import encode_document, is_document
from engine.wire.log import decode_commit


class Refused(Exception):
    """An error in place of an answer. `code`: see docs/PROTOCOL.md."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Versions(Protocol):
    """The versions of a view, one of which can be built again."""

    def versions(self) -> dict[str, Any]:
        """What is served, what is being built and how far it is, what is registered, how far the store is."""

    def rebuild(self) -> dict[str, Any]:
        """Begins to rebuild what is served, from position 0, beside it. Raises Refused."""


class OneAggregate(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments that name one aggregate."""

    aggregate: str


class Aggregates(msgspec.Struct, forbid_unknown_fields=True):
    """Arguments that name one aggregate, or all of them."""

    aggregate: str = ""


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """No arguments."""


Method = Callable[[Any], Any]


class _Question(NamedTuple):
    """One question: what its arguments decode to, what answers it, and how the answer is encoded."""

    request: Any
    returns: Any
    decode: Callable[[Any], Any]
    method: Method
    encode: Callable[[Any], bytes]


class Asked:
    """A table of questions, and what answers each. `names`: those of its own, in the order in which they were
    written; every one answers `queries` and `positions` too."""

    def __init__(self, positions: list[int]) -> None:
        self.positions = positions
        self.names: list[str] = []
        self._questions: dict[str, _Question] = {}
        self._add("queries", Nothing, lambda _: self.queries())

    def answer(
        self, query: str, args: "msgspec.Raw | bytes", texts: Mapping[str, str] | None = None
    ) -> bytes:
        """The answer, encoded. `texts`: arguments as they were typed, instead of `args`. Raises Refused."""
        if query == "positions":
            return b"null"
        known = self._questions.get(query)
        if known is None:
            raise Refused("unknown-query", f"this view has: {', '.join(self.names)}")
        try:
            request = known.decode(arguments_of(texts, known.request) if texts else args)
        except NOT_DECODABLE as error:
            raise Refused("malformed", f"{error}; {query} takes {taken_by(known.request)}") from None
        try:
            return known.encode(known.method(request))
        except Refused:
            raise
        except BUGS as error:  # a query's bug must not stop the view
            raise Refused("query-failed", told(error)) from error

    def queries(self) -> dict[str, dict[str, Any]]:
        """Its own queries, what each takes and what it returns."""
        known = {name: self._questions[name] for name in self.names}
        return {name: signature_of(one.request, one.returns) for name, one in known.items()}

    def _add(self, name: str, request: Any, method: Method, returns: Any = Any) -> None:
        encode = encode_document if is_document(returns) else msgspec.json.encode
        decode = msgspec.json.Decoder(request).decode
        self._questions[name] = _Question(request, returns, decode, method, encode)

    def _add_own(self, name: str, request: Any, method: Method, returns: Any = Any) -> None:
        self._add(name, request, method, returns)
        self.names.append(name)


class Questions(Asked):
    """All questions to one fold. `positions` is the fold's own list, so it is always current.

    `wall`: the wall clock in ns, against which an event's age is measured.
    """

    def __init__(
        self, fold: Fold, versions: Versions | None = None, *, wall: Callable[[], int] = time.time_ns
    ) -> None:
        super().__init__(fold.positions)
        self._fold, self._wall = fold, wall
        if isinstance(fold.target, Projected):
            for name, question in fold.target.spec.queries.items():
                self._add_own(name, question.request, _own(fold.target, name), question.returns)
        self._add("lag", Nothing, lambda _: self.lag())
        self._add("dead-letters", Nothing, lambda _: self.dead_letters())
        self._add("dead-letter-retry", Aggregates, self._retry)
        self._add("dead-letter-drop", OneAggregate, self._drop)
        if versions is not None:
            self._add("versions", Nothing, lambda _: versions.versions())
            self._add("rebuild", Nothing, lambda _: versions.rebuild())

    def lag(self) -> dict[str, dict[str, Any]]:
        """How far it is behind the event store, in each partition."""
        return lag_of(self._fold.readers, self.positions, self._wall())

    def dead_letters(self) -> list[dict[str, Any]]:
        """All dead letters, as documents."""
        return [self._document(letter) for letter in self._fold.dead_letters]

    def _document(self, letter: DeadLetter) -> dict[str, Any]:
        return {**msgspec.structs.asdict(letter), "waiting": self._fold.waiting(letter)}

    def _retry(self, request: Aggregates) -> list[dict[str, Any]]:
        letters = self._fold.dead_letters
        names = [request.aggregate] if request.aggregate else [letter.aggregate for letter in letters]
        left = [self._handle(self._fold.retry, name) for name in names]
        return [self._document(letter) for letter in left if letter is not None]

    def _drop(self, request: OneAggregate) -> list[dict[str, Any]]:
        left = self._handle(self._fold.drop, request.aggregate)
        return [] if left is None else [self._document(left)]

    def _handle(self, work: Callable[[str], DeadLetter | None], aggregate: str) -> DeadLetter | None:
        try:
            return work(aggregate)
        except KeyError:
            raise Refused("not-set-aside", f"nothing of {aggregate} is set aside") from None


def _own(target: Projected, name: str) -> Method:
    return lambda request: target.ask(name, request)


def lag_of(readers: Sequence[Reader], positions: Sequence[int], now_ns: int) -> dict[str, dict[str, Any]]:
    """How far positions are behind the event stores: the number of events, and the age of the oldest."""
    lags: dict[str, dict[str, Any]] = {}
    for partition, (reader, position) in enumerate(zip(readers, positions, strict=True)):
        events, seconds = max(0, reader.position() - position), 0.0
        if events:
            _, oldest = next(reader.entries(position))
            seconds = max(0.0, (now_ns - decode_commit(oldest).time_ns) / 1e9)
        lags[str(partition)] = {"events": events, "seconds": round(seconds, 3)}
    return lags
