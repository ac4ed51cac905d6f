"""The story of a process manager: the target that a node drives, given events and answers, with a clock to
move.

After every step what it keeps is saved and loaded again, as if the process had been killed there. Every event
is handled twice, as if it had been killed once before it could save: both times it must send the same.
"""

from collections.abc import Container, Sequence
from copy import copy, deepcopy
from datetime import datetime, timedelta
from typing import Any

import msgspec

from engine.base.instants import nanoseconds
from engine.base.log import KeptLog
from engine.follow.target import HandlerFailed
from engine.managers import Birth, Manager
from engine.model.app import Engine
from engine.model.messages import Command, wire_tag
from engine.model.process_managers import ProcessManager, Refusal
from engine.testing.clock import span_ns
from engine.testing.disorder import Disorder, Entry, StoriesInDisorder
from engine.testing.entries import (
    Happened,
    LogBook,
    Told,
    application,
    listed,
    taken_apart,
)
from engine.wire.log import record_decoder


class ProcessManagerStory:
    """One process manager, and what it sent in the last step."""

    def __init__(self, cls: type[ProcessManager], before: Sequence[Told], app: Engine | None = None) -> None:
        self._app = application(cls, "process_manager", app)
        spec = next((spec for spec in self._app.process_managers.values() if spec.cls is cls), None)
        if spec is None:
            raise LookupError(f"the application {self._app.name} has no process manager {cls.__name__}")
        self._spec = spec
        self._decode = record_decoder(self._app, self._spec.events()).decode
        self._book = LogBook()
        self._items: dict[bytes, bytes] = {}
        self._logged = KeptLog()
        self._sent: list[Command] = []
        self._manager = self._loaded()
        for aggregate, events in taken_apart(before):
            self._take(aggregate, events)
        self._sent = []

    def in_disorder(self, *events: Told, orders: int = 20, seed: int | None = None) -> "StoriesInDisorder":
        """These happen in so many orders, each aggregate's own kept, and what is claimed next must be so
        after each. They are drawn by chance, by a seed that is named if a claim does not hold: with it they
        are the same again."""
        disorder = Disorder(orders, seed)
        stories = []
        for entries, order in disorder.orders(taken_apart(events)):
            story = copy(self)
            story._book, story._items = deepcopy(self._book), dict(self._items)
            story._manager = story._loaded()
            try:
                story._take_all(entries)
            except Exception as error:
                error.add_note(f"({order})")
                raise
            stories.append((order, story))
        return StoriesInDisorder(stories)

    def when(self, event: Told, *, at: datetime | None = None) -> "ProcessManagerStory":
        """An event happens, at a time or a moment after the last one; what its handler raises is raised here.
        Before it, everything sent so far has had its effect."""
        for aggregate, events in taken_apart([event]):
            self._take(aggregate, events, 0 if at is None else nanoseconds(at))
        return self

    def when_refused(
        self, command: Command | type[Command], code: str, message: str = ""
    ) -> "ProcessManagerStory":
        """Rejects a command that it sent in the last step."""
        entry = next((one for one in self._manager.outbox if _is(one.command, command)), None)
        if entry is None:
            raise AssertionError(f"no {command!r} is on its way; it sent:{listed(self._sent)}")
        known = {one.command.id for one in self._manager.outbox}
        self._manager.answered(entry.command.id, Refusal("rejected", code, message), 0.0)
        if list(self._manager.setbacks.all()):
            raise AssertionError("the handler of the refusal failed:" + listed(self._logged))
        self._step(known)
        return self

    def time_passes(
        self, span: timedelta | None = None, *, minutes: float = 0, seconds: float = 0
    ) -> "ProcessManagerStory":
        """Moves the clock; timers that are due fire."""
        self._clear()
        self._book.now_ns += span_ns(span, minutes, seconds)
        while self._manager.fire(self._book.now_ns):
            pass
        self._step()
        return self

    def sends(self, *commands: Command) -> "ProcessManagerStory":
        """Asserts that it sent just these in the last step, in this order; ids do not count."""
        if [_body(one) for one in self._sent] != [_body(one) for one in commands]:
            raise AssertionError(f"expected to be sent:{listed(commands)}\nfound:{listed(self._sent)}")
        return self

    def sends_in_any_order(self, *commands: Command) -> "ProcessManagerStory":
        """As `sends`, whatever the order."""
        sent, expected = (sorted(map(_encoded, some)) for some in (self._sent, commands))
        if sent != expected:
            raise AssertionError(f"expected to be sent:{listed(commands)}\nfound:{listed(self._sent)}")
        return self

    def sends_nothing(self) -> "ProcessManagerStory":
        """Asserts that it sent nothing in the last step."""
        return self.sends()

    def sets_timer(
        self,
        command: Command,
        span: timedelta | None = None,
        *,
        minutes: float = 0,
        seconds: float = 0,
        key: str | None = None,
    ) -> "ProcessManagerStory":
        """Asserts that a timer is set that sends this command after this time (to the millisecond)."""
        delay_ns = span_ns(span, minutes, seconds)
        due_ns = self._book.now_ns + delay_ns
        for at_ns, under, one in self._manager.timers.pending():
            if _body(one) == _body(command) and abs(at_ns - due_ns) < 1_000_000 and key in (None, under):
                return self
        set_now = [
            f"in {(at_ns - self._book.now_ns) / 1e9:.3f} s, key {under!r}: {one!r}"
            for at_ns, under, one in self._manager.timers.pending()
        ]
        wanted = f"a timer of {delay_ns / 1e9} s for {command!r}"
        raise AssertionError(f"expected {wanted}\nset are:{listed(set_now)}")

    def has_no_timer(self) -> "ProcessManagerStory":
        """Asserts that no timer is set."""
        if self._manager.timers.pending():
            raise AssertionError(f"timers are set:{listed(self._manager.timers.pending())}")
        return self

    def state(self, key: str, value: Any) -> "ProcessManagerStory":
        """Asserts that its state has this value under a key; None: nothing."""
        row = self._manager.state.get(key)
        if msgspec.to_builtins(row) != msgspec.to_builtins(value):
            raise AssertionError(f"state[{key!r}] is {row!r}, expected {value!r}")
        return self

    def _take_all(self, entries: Sequence[Entry]) -> None:
        """All that it sends meanwhile is of one step."""
        sent: list[Command] = []
        for aggregate, events in entries:
            self._take(aggregate, events)
            sent += self._sent
        self._sent = sent

    def _take(self, aggregate: str, events: Sequence[Happened], at_ns: int = 0) -> None:
        self._clear()
        record = self._book.record(aggregate, events, at_ns)
        killed = self._loaded()
        self._handle(killed, record)
        self._handle(self._manager, record)
        once, twice = ([one.command for one in manager.outbox] for manager in (killed, self._manager))
        if once != twice or killed.timers.pending() != self._manager.timers.pending():
            text = "handled again, it sends something else: by chance, a clock, or what is outside"
            raise AssertionError(f"{text}\nfirst:{listed(once)}\nthen:{listed(twice)}")
        self._step()

    def _handle(self, manager: Manager, record: bytes) -> None:
        first, commits = self._decode(record)
        try:
            manager.apply(0, first, commits)
        except HandlerFailed as failure:
            raise failure.__cause__ or failure from None

    def _clear(self) -> None:
        """What was sent has arrived."""
        for entry in list(self._manager.outbox):
            self._manager.answered(entry.command.id, None, 0.0)
        self._keep()

    def _step(self, known: Container[str] = ()) -> None:
        """What is sent now and was not `known` before is of this step."""
        self._keep()
        self._sent = [one.command for one in self._manager.outbox if one.command.id not in known]
        self._manager = self._loaded()

    def _keep(self) -> None:
        for key, value in self._manager.save():
            if value is None:
                self._items.pop(key, None)
            else:
                self._items[key] = value
        self._manager.durable()

    def _loaded(self) -> Manager:
        """One that begins with what was saved last."""
        manager = Manager(self._app, self._spec, Birth([0]), log=self._logged)
        manager.load(sorted(self._items.items()))
        return manager


def _is(command: Command, wanted: Command | type[Command]) -> bool:
    return type(command) is wanted if isinstance(wanted, type) else _body(command) == _body(wanted)


def _body(command: Command) -> dict[str, Any]:
    """The command without what the process manager gives it when it is sent."""
    body = msgspec.to_builtins(command)
    return {name: value for name, value in body.items() if name not in ("id", "correlation", "causation")}


def _encoded(command: Command) -> bytes:
    return msgspec.json.encode((wire_tag(type(command)), _body(command)))
