"""What a view or a process manager answers when it is asked: its own queries, and what all of them answer.

    positions                             null; the positions stand in every answer
    lag                                   {partition: {"events": n, "seconds": age of the oldest of them}}
    dead-letters                          what is set aside (`letters.Letter`, and how much waits for it)
    dead-letter-retry  {"aggregate": …}   tried again now, all without a name → those that are left
    dead-letter-drop   {"aggregate": …}   the commit that fails is passed over → those that are left
    versions, rebuild                     of a view: see `Versions`

Pure in the sense that counts here: no socket, no thread; the engine's tests ask it as the desk does.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from engine.follow.fold import Fold
from engine.follow.letters import Letter
from engine.follow.projected import Projected
from engine.model.commit import Commit


class Refused(Exception):
    """A question that is not answered. `code`: see docs/PROTOCOL.md."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Versions(Protocol):
    """Whoever serves a view: knows its versions, and can have one built again."""

    def versions(self) -> dict[str, Any]:
        """What is served, what is being built and how far, what is registered, how far the store is."""

    def rebuild(self) -> dict[str, Any]:
        """Begins to build what is served again, from position 0, beside it. Raises Refused."""


class OneAggregate(msgspec.Struct, forbid_unknown_fields=True):
    """Which aggregate an operator means."""

    aggregate: str


class Aggregates(msgspec.Struct, forbid_unknown_fields=True):
    """The same, or all of them."""

    aggregate: str = ""


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """No arguments."""


Method = Callable[[Any], Any]
_encode = msgspec.json.encode


class Questions:
    """All questions to one fold. `positions` is the fold's own list, so it is always current.

    `wall`: the wall clock in ns, against which an event's age is told.
    """

    def __init__(
        self, fold: Fold, versions: Versions | None = None, *, wall: Callable[[], int] = time.time_ns
    ) -> None:
        self.positions = fold.positions
        self._fold, self._wall = fold, wall
        self._methods: dict[str, tuple[Method, Callable[[Any], Any]]] = {}
        if isinstance(fold.target, Projected):
            for name, question in fold.target.spec.queries.items():
                self._add(name, question.request, _own(fold.target, name))
        self.names = list(self._methods)  # of its own, in the order in which they were written
        self._add("lag", Nothing, lambda _: self.lag())
        self._add("dead-letters", Nothing, lambda _: self.letters())
        self._add("dead-letter-retry", Aggregates, self._retry)
        self._add("dead-letter-drop", OneAggregate, self._drop)
        if versions is not None:
            self._add("versions", Nothing, lambda _: versions.versions())
            self._add("rebuild", Nothing, lambda _: versions.rebuild())

    def answer(self, query: str, args: "msgspec.Raw | bytes") -> bytes:
        """The answer, encoded. Raises Refused."""
        if query == "positions":
            return b"null"
        found = self._methods.get(query)
        if found is None:
            raise Refused("unknown-query", f"this view has: {', '.join(self.names)}")
        method, decode = found
        try:
            request = decode(args)
        except msgspec.DecodeError as error:
            raise Refused("malformed", str(error)) from None
        try:
            return _encode(method(request))
        except Refused:
            raise
        except Exception as error:  # a query's bug must not stop the view
            raise Refused("query-failed", f"{type(error).__name__}: {error}") from error

    def lag(self) -> dict[str, dict[str, Any]]:
        """How far behind the event store, in each partition."""
        found: dict[str, dict[str, Any]] = {}
        for partition, reader in enumerate(self._fold.readers):
            position = self.positions[partition]
            events, seconds = max(0, reader.position() - position), 0.0
            if events:
                _, oldest = next(reader.entries(position))
                seconds = max(0.0, (self._wall() - _decode_commit(oldest).time_ns) / 1e9)
            found[str(partition)] = {"events": events, "seconds": round(seconds, 3)}
        return found

    def letters(self) -> list[dict[str, Any]]:
        """All that is set aside."""
        return [self._told(letter) for letter in self._fold.letters]

    def _told(self, letter: Letter) -> dict[str, Any]:
        return {**msgspec.structs.asdict(letter), "waiting": self._fold.waiting(letter)}

    def _retry(self, request: Aggregates) -> list[dict[str, Any]]:
        names = [request.aggregate] if request.aggregate else [one.aggregate for one in self._fold.letters]
        left = [self._handle(self._fold.retry, name) for name in names]
        return [self._told(letter) for letter in left if letter is not None]

    def _drop(self, request: OneAggregate) -> list[dict[str, Any]]:
        left = self._handle(self._fold.drop, request.aggregate)
        return [] if left is None else [self._told(left)]

    def _handle(self, work: Callable[[str], Letter | None], aggregate: str) -> Letter | None:
        try:
            return work(aggregate)
        except KeyError:
            raise Refused("not-set-aside", f"nothing of {aggregate} is set aside") from None

    def _add(self, name: str, request: Any, method: Method) -> None:
        self._methods[name] = method, msgspec.json.Decoder(request).decode


def _own(target: Projected, name: str) -> Method:
    return lambda request: target.ask(name, request)


_decode_commit = msgspec.json.Decoder(Commit).decode
