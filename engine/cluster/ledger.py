"""The ledger of a partition on one node: its store, and the way of decisions into it.

    decided here   ──append, expecting that nothing came between──▶ taken: stored, then answered
                                                                  └─ another one came: its message is stored,
                                                                     and what was decided here is undone
    decided elsewhere ──follows the last one──▶ stored

A refused append says only that the place may be taken. Which message is there decides: one's own, of an
earlier try that was not answered; another node's; or none yet, and then it is tried again.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import NamedTuple, TypeVar

from engine.base.crash import crash_point
from engine.base.errors import CorruptData
from engine.cluster.arrivals import Arrivals
from engine.cluster.logs import DecisionLog, Message, NoAnswer, Superseded
from engine.store.place import Place
from engine.wire.batches import Batch, decode_duplicates, decode_replies
from engine.wire.replicated import Decision, Origin, bare, decode_decision, decode_origin

T = TypeVar("T")

ANSWER_S = 1.5  # then an append counts as not answered
RETRY_S = 0.05
LOOK_TRIES = 20  # after so many it is asked whether the log still has what is stored here
LOOKS = 20
MESSAGE_BYTES = 4 << 20
RECENT = 1_000  # batches of which it is known whether they were stored as they are

Store = Callable[[Sequence[Batch], Place], None]
"""Stores batches and the place behind them in one transaction."""


class Decided(NamedTuple):
    """What became of batches that were decided here. `stored`: these are in the log, and are to be answered;
    `followed`: what others had decided before. `superseded`: the rest is to be decided again."""

    stored: list[Batch]
    followed: list[Batch]
    superseded: bool


class Ledger:
    """The ledger. `place`: as the store has it. `code`: the mark of the code that decides here. `wait` is
    called while an answer is awaited, and raises if it is not wanted any more. `now`: a clock that never goes
    back, in seconds. `keep` is given each message before it is stored."""

    def __init__(
        self,
        log: DecisionLog,
        place: Place,
        store: Store,
        *,
        code: bytes,
        wait: Callable[[float], None],
        now: Callable[[], float] = time.monotonic,
        keep: Callable[[int, bytes], None] = lambda sequence, message: None,
    ) -> None:
        self.place = place
        self.conflicts = 0
        """how often another node had decided first"""
        self.unanswered = 0
        """how often an append was not answered"""
        self._log, self._store, self._code, self._keep = log, store, code, keep
        self._wait, self._now = wait, now
        self.arrivals = Arrivals()
        """what has come and was not followed yet"""
        self._recent: dict[int, Batch] = {}
        self._known_from = place.decision + 1  # of the log, what is in `_recent`

    def arrived(self, message: Message) -> None:
        """A message has come; called from the thread of the link."""
        self.arrivals.arrived(message)

    @property
    def behind(self) -> bool:
        """True if a message waits to be followed."""
        return bool(self.arrivals)

    def follow(self) -> list[Batch]:
        """Stores what has come; returns what is new. Raises CorruptData if something is missing, or
        broken."""
        new: list[Batch] = []
        while self.arrivals:
            message = self.arrivals.take()
            if message.sequence > self.place.decision:
                new += self._take(message.sequence, message.body)
        return new

    def decide(self, batches: Sequence[Batch]) -> Decided:
        """Puts batches of the core into the log, in order, and stores them."""
        stored: list[Batch] = []
        followed = self.follow()
        for some in _messages(batches):
            again = [batch for batch in some if self._is_stored(batch)]
            stored += again
            new = some[len(again) :]
            if not new:
                continue
            if new[0].first_sequence != self.place.sequence + 1:
                return Decided(stored, followed, True)
            found = self._append(new)
            if found is not None:
                self.conflicts += 1
                return Decided(stored, followed + found + self.follow(), True)
            stored += new
        return Decided(stored, followed, False)

    def _append(self, batches: list[Batch]) -> list[Batch] | None:
        """None: they are in the log, and stored. Otherwise what another node had decided at that place."""
        message, message_sequence = self._done_with(batches)
        last = batches[-1]
        time_ns = max(self.place.time_ns, last.time_ns)
        before = self.place.digest
        decision = Decision(
            message, message_sequence, last.last_sequence, time_ns, self._code, before, batches
        )
        body, expected = decision.encode(), self.place.decision
        tries = 0
        crash_point("output.appending")
        while True:
            try:
                self._answer(self._log.append(body, expected))
                break
            except Superseded:
                found = self._at(expected + 1)
            except NoAnswer:
                self.unanswered += 1
                found = self._at(expected + 1)
            if found == body:
                break  # an earlier try
            if found is not None:
                return self._take(expected + 1, found)
            tries += 1
            if tries % LOOK_TRIES == 0:
                self.expect_reached()
            self._wait(RETRY_S)
        crash_point("output.appended")
        self._keep(expected + 1, body)
        self.place = self.place.behind(expected + 1, body, decision)
        self._store(batches, self.place)
        self._remember(batches)
        return None

    def expect_reached(self) -> None:
        """CorruptData if the log ends before what is stored here: then it has lost decisions."""
        for _ in range(LOOKS):
            try:
                last = self._answer(self._log.last())
            except NoAnswer:
                return
            if last >= self.place.decision:
                return
            self._wait(RETRY_S)  # a server that has just begun to lead may not know all yet
        text, hint = "the store is ahead of the log", "`ringfold cluster repair` appends what it lost"
        raise CorruptData(text, stored=self.place.decision, log=last, hint=hint)

    def _done_with(self, batches: Iterable[Batch]) -> tuple[int, int]:
        """(message of C, its last sequence): the last one of which everything is decided with these."""
        done = self.place.message, self.place.message_sequence
        for batch in batches:
            for origin in origins_of(batch):
                if origin.last_sequence <= batch.last_sequence:
                    done = max(done, (origin.message, origin.last_sequence))
        return done

    def _at(self, sequence: int) -> bytes | None:
        """The message at a place, if there is one; asked for again until there is an answer."""
        while True:
            try:
                return self._answer(self._log.at(sequence))
            except NoAnswer:
                self._wait(RETRY_S)

    def _answer(self, promise: "Future[T]") -> T:
        until = self._now() + ANSWER_S
        while True:
            try:
                return promise.result(0.01)
            except NotYet:
                if self._now() > until:
                    raise NoAnswer from None
                self._wait(0.0)

    def _take(self, sequence: int, body: bytes) -> list[Batch]:
        self.place, decision = self.place.after(sequence, body)
        self._keep(sequence, body)
        self._store(decision.batches, self.place)
        self._remember(decision.batches)
        return decision.batches

    def _remember(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            self._recent[batch.first_sequence] = bare(batch)
        while len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]

    def _is_stored(self, batch: Batch) -> bool:
        """True for a batch that was stored just as it is, and is handed in again because this process died
        before it was answered."""
        if batch.last_sequence > self.place.sequence:
            return False
        self._look_back(batch.first_sequence)
        return self._recent.get(batch.first_sequence) == bare(batch)

    def _look_back(self, sequence: int) -> None:
        """Reads again what an earlier life put into the log, down to this sequence."""
        while self._known_from > 1 and sequence < min(self._recent, default=sequence + 1):
            body = self._at(self._known_from - 1)
            if body is None or len(self._recent) >= RECENT:
                return
            self._known_from -= 1
            before = {one.first_sequence: one for one in decode_decision(body).batches}
            self._recent = before | self._recent


def origins_of(batch: Batch) -> list[Origin]:
    """Where its commands came from."""
    replies = [decode_origin(who) for who, _, _ in decode_replies(batch.replies)]
    return replies + [decode_origin(who) for who, _ in decode_duplicates(batch.duplicates)]


def _messages(batches: Sequence[Batch]) -> Iterable[list[Batch]]:
    """Batches that fit into one message, in order."""
    some: list[Batch] = []
    size = 0
    for batch in batches:
        if some and size + batch.size > MESSAGE_BYTES:
            yield some
            some, size = [], 0
        some.append(batch)
        size += batch.size
    if some:
        yield some
