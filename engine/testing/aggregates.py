"""Trying out an aggregate: the partition that a node runs, with a log of its own.

After every command the live aggregate is compared with one made from its events alone, through the codec. A
difference means that state was changed outside of `applies`, or that an event does not carry all it changes:
the node would be another one after a restart.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.core.partition import Partition
from engine.model.aggregates import Aggregate
from engine.model.app import Engine, app_of
from engine.model.messages import Command, Event
from engine.model.state import canonical
from engine.testing.entries import LogBook, listed
from engine.wire.batches import decode_replies
from engine.wire.log import record_decoder
from engine.wire.sections import encode_section


class _Shelf:
    """The store of one aggregate, in a list."""

    def __init__(self) -> None:
        self.commits: list[Any] = []

    def has_command(self, id: str) -> bool:
        return any(commit.command == id for commit in self.commits)

    def stream(self, aggregate: str, upto: int) -> list[Any]:
        return [commit for commit in self.commits if commit.aggregate == aggregate]

    def stored(self) -> int:
        return 1 << 63


class AggregateStory:
    """One aggregate, what it was told, and what it answered last."""

    def __init__(self, cls: type[Aggregate], before: Sequence[Event | list[Event]]) -> None:
        self._cls, self._before = cls, before
        self._app = app_of(cls) or _app_for(cls)
        self._decode = record_decoder(self._app).decode
        self._book, self._shelf = LogBook(), _Shelf()
        self._log: list[str] = []
        self._partition = Partition(self._app, 0, archive=self._shelf, log=self._log.append)
        self._id = ""
        self._events: list[Event] = []
        self._answer: dict[str, Any] = {}

    def when(self, command: Command, *, at_ns: int = 0) -> "AggregateStory":
        """The command arrives. `at_ns`: the time in its stamp; without it, a moment after the last one."""
        if not self._id:
            self._begin(command.aggregate)
        elif command.aggregate != self._id:
            raise ValueError(f"this story is about {self._id}, the command is for {command.aggregate}")
        sequence = self._partition.sequence + 1
        self._book.now_ns = max(self._book.now_ns + 1, at_ns)
        body = b"[" + msgspec.json.encode(command) + b"]"
        section = encode_section(sequence, sequence - 1, self._book.now_ns, [(b"kit", 1, body)])
        kept = len(self._shelf.commits)
        self._answer = {}
        for batch in self._partition.batches(section):
            if batch.log:
                self._shelf.commits += self._decode(batch.log)[1]
            for _, _, text in decode_replies(batch.replies):
                (self._answer,) = msgspec.json.decode(b"[" + text + b"]")
        if not self._answer:  # a duplicate: the answer is what the store has
            self._answer = {"outcome": "committed", "again": True}
        self._events = [event for commit in self._shelf.commits[kept:] for event in commit.events]
        self._compare(command)
        return self

    def then(self, *events: Event) -> "AggregateStory":
        """It was committed with just these events, in this order."""
        if self._outcome != "committed" or self._events != list(events):
            raise AssertionError(f"expected events:{listed(events)}\nfound {self._found()}")
        return self

    def result(self, value: Any) -> "AggregateStory":
        """It was committed with this result."""
        found = self._answer.get("result")
        if self._outcome != "committed" or found != msgspec.to_builtins(value):
            raise AssertionError(f"expected the result {value!r}, found {found!r}; {self._found()}")
        return self

    def unchanged(self) -> "AggregateStory":
        """The handler returned no events."""
        return self._expect("unchanged")

    def rejected(self, code: str) -> "AggregateStory":
        """A rule said no, with this code."""
        return self._expect("rejected", code)

    def failed(self, code: str = "handler-bug") -> "AggregateStory":
        """It could not be handled, with this code."""
        return self._expect("failed", code)

    def state(self, **attributes: Any) -> "AggregateStory":
        """The aggregate has these attributes now."""
        aggregate = self._partition.aggregates.get(self._id)
        for name, value in attributes.items():
            found = getattr(aggregate, name)
            if found != value:
                raise AssertionError(f"{name} is {found!r}, expected {value!r}")
        return self

    @property
    def _outcome(self) -> str:
        return str(self._answer.get("outcome", "nothing yet"))

    def _expect(self, outcome: str, code: str = "") -> "AggregateStory":
        if self._outcome != outcome or self._answer.get("code", "") != code:
            raise AssertionError(f"expected {outcome} {code}".rstrip() + f", found {self._found()}")
        return self

    def _found(self) -> str:
        if self._outcome == "committed":
            return f"committed:{listed(self._events)}"
        said = [self._answer[key] for key in ("code", "message") if self._answer.get(key)]
        trace = "".join(f"\n{line}" for line in self._log) if self._outcome == "failed" else ""
        return ": ".join([self._outcome, *said]) + trace

    def _begin(self, id: str) -> None:
        self._id = id
        for events in self._before:
            record = self._book.record(id, events if isinstance(events, list) else [events])
            first, commits = self._decode(record)
            self._shelf.commits += commits
            self._partition.load(first, commits)
        self._partition.settle(0, "")

    def _compare(self, command: Command) -> None:
        again = Partition(self._app, 0)
        again.load(1, self._shelf.commits)
        live, made = (p.aggregates.get(self._id) for p in (self._partition, again))
        if live is None or made is None:
            assert live is made, f"{self._id} is in memory, and has no events"
            return
        have, want = live.save_state(), made.save_state()
        if live.version == made.version and canonical(have) == canonical(want):
            return
        raise AssertionError(
            f"state changed outside apply, by {type(command).__name__}: {_difference(have, want)}"
        )


def _difference(live: Any, made: Any) -> str:
    if not (isinstance(live, dict) and isinstance(made, dict)):
        return f"\n    live          {live!r}\n    from events   {made!r}"
    names = [name for name in {**live, **made} if canonical(live.get(name)) != canonical(made.get(name))]
    return "".join(
        f"\n    {name}: live {live.get(name)!r}, from its events {made.get(name)!r}" for name in names
    )


def _app_for(cls: type[Aggregate]) -> Engine:
    app = Engine("kit")
    app.aggregate(cls)
    return app
