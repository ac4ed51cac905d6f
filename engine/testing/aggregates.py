"""The story of an aggregate, on the partition that a node runs, with a log of its own.

After every command the kit checks for what would make a difference after a restart:

    state changed outside of `applies`, or not carried by events    one made from the events, by the codec
    decisions by chance, clock or anything outside                  the same commands, decided again
    an event whose contents change after it was decided             the same commands, many in one section
    state that `save_state` and `load_state` lose                   saved and loaded before every command
    state kept by the class, which all aggregates share             the class, before and after

and for a rejection or a result that the class of the command does not declare.
"""

import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from engine.base.instants import nanoseconds
from engine.base.log import KeptLog
from engine.core.partition import Partition
from engine.model.aggregates import Aggregate
from engine.model.app import Engine, app_of
from engine.model.declared import undeclared
from engine.model.messages import Command, Event
from engine.model.state import canonical
from engine.testing.entries import AGGREGATE, Happened, LogBook, listed, several
from engine.testing.lone import Asked, Lone, all_at_once, one_by_one
from engine.wire.answers import encode_answers
from engine.wire.commands import encode_command, join_commands
from engine.wire.log import record_decoder


class AggregateStory:
    """One aggregate, the commands so far, and its last answer."""

    def __init__(
        self, cls: type[Aggregate], before: Sequence[Happened | list[Happened]], app: Engine | None = None
    ) -> None:
        self._cls = cls
        self._before = [several(events) for events in before]
        self._app = app or app_of(cls) or _app_for(cls)
        if cls not in self._app.aggregates:
            raise LookupError(f"the application {self._app.name} has no aggregate {cls.__name__}")
        self._decoder = record_decoder(self._app)
        self._book = LogBook()
        self._log = KeptLog()
        self._id = ""
        self._past: list[bytes] = []
        self._asked: list[Asked] = []
        self._live: Lone
        self._saved: Lone
        self._events: list[Event] = []
        self._answer: dict[str, Any] = {}
        self._class = _kept_by_class(cls)

    def when(self, command: Command, *, at: datetime | None = None) -> "AggregateStory":
        """The command arrives. `at`: the time in its stamp; without it, a moment after the last one."""
        if not self._id:
            self._begin(command.aggregate)
        elif command.aggregate != self._id:
            raise ValueError(f"this story is about {self._id}, the command is for {command.aggregate}")
        self._book.now_ns = max(self._book.now_ns + 1, 0 if at is None else nanoseconds(at))
        self._asked.append(Asked(self._book.now_ns, join_commands([encode_command(command)])))
        (section,) = one_by_one(self._asked[-1:], len(self._asked))
        live = self._live
        answered, kept = len(live.answers), len(live.records)
        live.run(section)
        # Without an answer it is a duplicate: what it is told is what the store has.
        self._answer = {"outcome": "committed", "again": True}
        for text in live.answers[answered:]:
            (self._answer,) = msgspec.json.decode(encode_answers([text]))
        new = [self._decoder.decode(record)[1] for record in live.records[kept:]]
        self._events = [event for commits in new for commit in commits for event in commit.events]
        name = type(command).__name__
        if said := undeclared(type(command), self._answer):
            raise AssertionError(said)
        self._compare_with_events(name)
        self._compare_with_class(name)
        self._compare_with_saved(name, section)
        self._compare_with_decided_again(name)
        return self

    def then(self, *events: Event) -> "AggregateStory":
        """Asserts that it was committed with just these events, in this order."""
        if self._outcome != "committed" or self._events != list(events):
            raise AssertionError(f"expected events:{listed(events)}\nfound {self._found()}")
        return self

    def result(self, value: Any) -> "AggregateStory":
        """Asserts that it was committed with this result."""
        given = self._answer.get("result")
        if self._outcome != "committed" or given != msgspec.to_builtins(value):
            raise AssertionError(f"expected the result {value!r}, found {given!r}; {self._found()}")
        return self

    def unchanged(self) -> "AggregateStory":
        """Asserts that the handler returned no events."""
        return self._expect("unchanged")

    def rejected(self, code: str) -> "AggregateStory":
        """Asserts that a rule refused it, with this code."""
        return self._expect("rejected", code)

    def failed(self, code: str = "handler-bug") -> "AggregateStory":
        """Asserts that it could not be handled, with this code."""
        return self._expect("failed", code)

    def state(self, **attributes: Any) -> "AggregateStory":
        """Asserts that the aggregate has these attributes now; before the first command, from its events."""
        aggregate = self._aggregate()
        if aggregate is None:
            raise AssertionError("there is no aggregate: it has no events")
        for name, value in attributes.items():
            current = getattr(aggregate, name)
            if current != value:
                raise AssertionError(f"{name} is {current!r}, expected {value!r}")
        return self

    def _aggregate(self) -> Aggregate | None:
        if self._id:
            return self._live.partition.aggregates.get(self._id)
        book = LogBook()
        past = [book.record(AGGREGATE, events) for events in self._before]
        return Lone(self._app, self._decoder, past, KeptLog()).partition.aggregates.get(AGGREGATE)

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
            self._past.append(self._book.record(id, events))
        self._live, self._saved = self._lone(self._log), self._lone(KeptLog())

    def _lone(self, log: KeptLog) -> Lone:
        return Lone(self._app, self._decoder, self._past, log)

    def _again(self, sections: Iterable[bytes]) -> Lone:
        lone = self._lone(KeptLog())
        for section in sections:
            lone.run(section)
        return lone

    def _compare_with_events(self, name: str) -> None:
        again = Partition(self._app, 0)
        again.load(1, self._live.commits())
        live, made = (p.aggregates.get(self._id) for p in (self._live.partition, again))
        if live is None or made is None:
            assert live is made, f"{self._id} is in memory, and has no events"
            return
        have, want = live.save_state(), made.save_state()
        if live.engine_version == made.engine_version and canonical(have) == canonical(want):
            return
        raise AssertionError(f"state changed outside apply, by {name}: {_difference(have, want)}")

    def _compare_with_class(self, name: str) -> None:
        for where, was in self._class.items():
            if _kept_by_class(self._cls).get(where) != was:
                raise AssertionError(f"{name} changed {where}, which all aggregates share")

    def _compare_with_saved(self, name: str, section: bytes) -> None:
        try:
            self._saved.through_a_snapshot()
        except Exception as error:
            raise AssertionError(f"it cannot be saved and loaded, before {name}: {error!r}") from error
        self._saved.run(section)
        if (difference := self._live.difference(self._saved)) is not None:
            text = "after it was saved and loaded (save_state, load_state)"
            raise AssertionError(f"{self._impure(name) or f'{name} is decided otherwise {text}'}{difference}")

    def _compare_with_decided_again(self, name: str) -> None:
        if (difference := self._live.difference(self._again(all_at_once(self._asked)))) is not None:
            text = "an event was changed after it was decided: `applies` must copy what it goes on changing"
            raise AssertionError(f"{self._impure(name) or text}{difference}")

    def _impure(self, name: str) -> str:
        """What to say if the same commands, in the same way, are not decided the same."""
        if self._live.difference(self._again(one_by_one(self._asked))) is None:
            return ""
        return f"{name} is decided otherwise when it is decided again: by chance, a clock, or what is outside"


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


def _kept_by_class(cls: type) -> dict[str, bytes]:
    """What can change of what the class itself holds, by name, in canonical bytes."""
    held: dict[str, bytes] = {}
    for base in cls.__mro__:
        for name, value in vars(base).items():
            if isinstance(value, (dict, list, set, bytearray)) and not name.startswith("__"):
                with contextlib.suppress(TypeError):  # it holds functions: a table, no state
                    held[f"{base.__name__}.{name}"] = canonical(value)
    return held
