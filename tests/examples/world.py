"""A world in disorder: an application without its engine, where commands arrive in any order.

The engine delivers what a process manager sends mostly in order; over partitions, restarts and back-offs not
quite. Here a draw decides which command arrives next and which timer fires early, so that a test sees orders
of things that would take years of kills. Only what the engine promises is kept: a command takes effect once,
and the events of one aggregate come in order.
"""

import random
from collections import deque
from datetime import datetime, timedelta
from typing import Any

import msgspec

from engine import Aggregate, Command, Commit, Decided, Engine, Refusal, Rejection, Send, Stamp, Table
from engine.base.instants import duration_ns, nanoseconds

START_NS = 1_764_000_000_000_000_000
MOST_STEPS = 100_000


class World:
    """One run. `history`: commits with events as dictionaries, in order, as an audit reads them."""

    def __init__(self, app: Engine, seed: int) -> None:
        app.check()
        self.app = app
        self.draw = random.Random(seed)
        self.now_ns = START_NS
        self.history: list[Commit] = []
        self.commits: list[Commit] = []  # the same, typed
        self.aggregates: dict[str, Aggregate] = {}
        self._streams: dict[str, deque[Commit]] = {}  # by aggregate: commits that no manager has seen
        self._answers: dict[str, Refusal | None] = {}
        self._bag: list[tuple[Command, _Manager | None]] = []
        self._managers = [_Manager(self, spec) for spec in app.process_managers.values()]

    def wish(self, command: Command) -> None:
        """A client sends a command; it arrives some time."""
        self._bag.append((command, None))

    def send(self, command: Command, manager: "_Manager") -> None:
        """A process manager sends one."""
        self._bag.append((command, manager))

    def settle(self) -> None:
        """Until nothing is under way and no timer is left."""
        for _ in range(MOST_STEPS):
            if not self.step():
                return
        raise AssertionError("the world never comes to rest")

    def step(self) -> bool:
        """One thing happens. False: nothing is left that could."""
        choices: list[Any] = []
        if self._bag:
            choices += [self._arrive] * 3
        if self._streams:
            choices += [self._hear] * 3
        if any(manager.timers for manager in self._managers):
            choices.append(self._fire)
        if choices:
            self.draw.choice(choices)()
        return bool(choices)

    def _arrive(self) -> None:
        command, manager = self._bag.pop(self.draw.randrange(len(self._bag)))
        if command.id not in self._answers:
            self._answers[command.id] = self._decide(command)
        refusal = self._answers[command.id]
        if refusal is not None and manager is not None:
            manager.refused(command, refusal)

    def _decide(self, command: Command) -> Refusal | None:
        handler = self.app.handlers[type(command)]
        cls, exists = handler.cls, handler.exists
        aggregate = self.aggregates.get(command.aggregate)
        if aggregate is None and exists == "must":
            return Refusal("failed", "aggregate-unknown")
        if aggregate is not None and exists == "must-not":
            return Refusal("rejected", "already-exists")
        if aggregate is None:
            aggregate = cls(command.aggregate)
        elif type(aggregate) is not cls:
            return Refusal("failed", "wrong-aggregate")
        self.now_ns += 1
        decision = handler.decide(aggregate, command, Stamp(self.now_ns, len(self.history) + 1))
        assert not isinstance(decision, Decided)
        if isinstance(decision, Rejection):
            return Refusal("rejected", decision.code, decision.message)
        events = decision if isinstance(decision, list) else [decision] if decision is not None else []
        if not events:
            return None
        for event in events:
            self.app.appliers[type(event)][1](aggregate, event)
        aggregate.engine_version += 1
        self.aggregates[aggregate.id] = aggregate
        at = (aggregate.id, aggregate.version, command.id, len(self.history) + 1, self.now_ns)
        self.commits.append(Commit(*at, events))
        self._streams.setdefault(aggregate.id, deque()).append(self.commits[-1])
        self.history.append(Commit(*at, [msgspec.to_builtins(event) for event in events]))
        return None

    def _hear(self) -> None:
        """Every process manager hears of the next commit of some aggregate."""
        name = self.draw.choice(list(self._streams))
        commit = self._streams[name].popleft()
        if not self._streams[name]:
            del self._streams[name]
        for manager in self._managers:
            manager.hear(commit)

    def _fire(self) -> None:
        manager = self.draw.choice([manager for manager in self._managers if manager.timers])
        key = self.draw.choice(list(manager.timers))
        due_ns, command = manager.timers.pop(key)
        self.now_ns = max(self.now_ns, due_ns)
        self.send(command, manager)


class _Manager:
    """A process manager and its `send`."""

    def __init__(self, world: World, spec: Any) -> None:
        self.timers: dict[str, tuple[int, Command]] = {}
        self._world, self._spec, self._process = world, spec, spec.factory()
        self._state: Table = Table(*spec.layout)

    def hear(self, commit: Commit) -> None:
        for handler in self._spec.handlers:
            for event in commit.events:
                if handler.events == (type(event),):
                    self._call(handler, event, {Commit: commit})

    def refused(self, command: Command, refusal: Refusal) -> None:
        handler = self._spec.refusals.get(type(command))
        if handler is not None:
            self._call(handler, command, {Refusal: refusal})

    def _call(self, handler: Any, message: Any, more: dict[type, Any]) -> None:
        offered = {**more, Send: self, Table: self._state}
        getattr(self._process, handler.attribute)(message, *[offered[kind] for kind in handler.wants])

    def __call__(self, command: Command) -> None:
        self._world.send(command, self)

    def after(self, delay: timedelta, command: Command, key: str = "") -> None:
        self.timers[key or command.id] = (self._world.now_ns + duration_ns(delay), command)

    def at(self, time: datetime, command: Command, key: str = "") -> None:
        self.timers[key or command.id] = (nanoseconds(time), command)

    def cancel(self, key: str) -> None:
        self.timers.pop(key, None)
