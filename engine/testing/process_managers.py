"""The story of a process manager: the target that a node drives, given events and answers, with a clock to
move.

After every step what it keeps is saved and loaded again, as if the process had been killed there.
"""

from collections.abc import Container, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from engine.base.instants import nanoseconds
from engine.base.log import KeptLog
from engine.follow.target import HandlerFailed
from engine.managers import Manager
from engine.model.messages import Command, Event
from engine.model.process_managers import ProcessManager, Refusal
from engine.testing.clock import span_ns
from engine.testing.entries import AGGREGATE, LogBook, Told, application, listed, taken_apart
from engine.wire.log import record_decoder


class ProcessManagerStory:
    """One process manager, and what it sent in the last step."""

    def __init__(self, cls: type[ProcessManager], before: Sequence[Told]) -> None:
        self._app = application(cls, "process_manager")
        self._spec = next(spec for spec in self._app.process_managers.values() if spec.cls is cls)
        self._decode = record_decoder(self._app, self._spec.events()).decode
        self._book = LogBook()
        self._items: dict[bytes, bytes] = {}
        self._logged = KeptLog()
        self._sent: list[Command] = []
        self._manager = self._fresh()
        for aggregate, events in taken_apart(before):
            self._take(aggregate, events)
        self._sent = []

    def when(
        self, event: Event | list[Event], *, aggregate: str = AGGREGATE, at: datetime | None = None
    ) -> "ProcessManagerStory":
        """An event happens, at a time or a moment after the last one; what its handler raises is raised here.
        Before it, everything sent so far has had its effect."""
        at_ns = 0 if at is None else nanoseconds(at)
        self._take(aggregate, event if isinstance(event, list) else [event], at_ns)
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
        found = self._manager.state.get(key)
        if msgspec.to_builtins(found) != msgspec.to_builtins(value):
            raise AssertionError(f"state[{key!r}] is {found!r}, expected {value!r}")
        return self

    def _take(self, aggregate: str, events: list[Event], at_ns: int = 0) -> None:
        self._clear()
        first, commits = self._decode(self._book.record(aggregate, events, at_ns))
        try:
            self._manager.apply(0, first, commits)
        except HandlerFailed as stumbled:
            raise stumbled.__cause__ or stumbled from None
        self._step()

    def _clear(self) -> None:
        """What was sent has arrived."""
        for entry in list(self._manager.outbox):
            self._manager.answered(entry.command.id, None, 0.0)
        self._keep()

    def _step(self, known: Container[str] = ()) -> None:
        """What is sent now and was not `known` before is of this step."""
        self._keep()
        self._sent = [one.command for one in self._manager.outbox if one.command.id not in known]
        again = self._fresh()
        again.load(sorted(self._items.items()))
        self._manager = again

    def _keep(self) -> None:
        for key, value in self._manager.save():
            if value is None:
                self._items.pop(key, None)
            else:
                self._items[key] = value
        self._manager.durable()

    def _fresh(self) -> Manager:
        return Manager(self._app, self._spec, [0], log=self._logged)


def _is(command: Command, wanted: Command | type[Command]) -> bool:
    return type(command) is wanted if isinstance(wanted, type) else _body(command) == _body(wanted)


def _body(command: Command) -> dict[str, Any]:
    """The command without what the process manager gives it when it is sent."""
    body = msgspec.to_builtins(command)
    return {name: value for name, value in body.items() if name not in ("id", "correlation", "causation")}
