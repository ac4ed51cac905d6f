"""The inline engine: a whole node in one process and one thread, for tests.

    with InlineEngine(app) as engine:
        receipt = engine.send(Deposit("account-7", amount=500))
        engine.settle()
        assert engine.query("balances", "balance", {"account": "account-7"}) == 500
        engine.time_passes(minutes=31)

Every message is encoded and decoded as between processes, every command journaled and every event stored on
disk, by the same parts. Nothing happens by itself: commands run when they are sent, views and process
managers take events in when something is waited for or `settle` is called. Time stands still until
`time_passes`.
"""

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import zmq

from engine.base.errors import InvariantBroken
from engine.base.identity import partition_of
from engine.base.lock import lock_data
from engine.base.log import KeptLog
from engine.base.log_codes import Code, Level
from engine.client.address import NodeAddress
from engine.client.asking import TIMEOUT_S, Asking
from engine.client.gates import Gates
from engine.client.queries import AtLeast, Question, Told, Watch
from engine.client.receipts import Receipt, Wait
from engine.client.sync import Client
from engine.client.tickets import Ticket
from engine.follow.dead_letters import NEVER
from engine.managers import record_births
from engine.model.app import Engine
from engine.model.messages import Command, Event
from engine.node.data_directory import DataDirectory
from engine.reading.beginnings import begin_workers
from engine.reading.questions import ReaderQuestions
from engine.reading.stores import Stores, lend
from engine.store.foreign import append_to
from engine.testing.clock import Clock, span_ns
from engine.testing.followers import Follower, ManagerInline, SetAside, Surroundings, ViewInline, WorkerInline
from engine.testing.pipeline import MAP_BYTES, Pipeline, temporary_folder
from engine.testing.wires import Wire, as_socket
from engine.wire.doorbell import Notice

PATIENCE_S = 1.0  # with a view that does not come to a position
MOST_TURNS = 100_000  # of `settle`, since a process manager that answers itself would go on for ever


class HandlerKeepsFailing(AssertionError):
    """A handler of a view or process manager fails however often it is tried. Says whose, for which aggregate
    and by which error."""


class InlineClient(Client):
    """The client, with wires in place of sockets. Several may be open at once."""

    def __init__(self, engine: "InlineEngine", batch: int = 100) -> None:
        self._engine = engine
        managers = {name: ManagerInline.title_of(name) for name in engine.app.process_managers}
        views = {name: ViewInline.title_of(name) for name in engine.app.projections}
        workers = {name: WorkerInline.title_of(name) for name in engine.app.workers}
        address = NodeAddress("", {**workers, **managers, **views})
        self._begin(Gates(address._asdict()), address, batch, 0.0)

    def _connect(self, endpoint: str) -> "zmq.Socket[bytes]":
        return as_socket(self._engine.ask(endpoint) if endpoint else self._engine.connect())

    def _find_again(self, now: float) -> None:
        """The engine is where it was."""

    def send_many(
        self, commands: Iterable[Command], wait: Wait = "committed", timeout_s: float = TIMEOUT_S
    ) -> list[Receipt]:
        """As `Client.send_many`: in batches, so that many commands are of one section."""
        self._linger_s = float("inf")
        try:
            return super().send_many(commands, wait, timeout_s)
        finally:
            self._linger_s = 0.0

    def _ask(self, question: Question, at_least: AtLeast, after: list[int] | None, timeout_s: float) -> Told:
        """A view that lags has caught up before it answers, so there is nothing to wait long for."""
        return super()._ask(question, at_least, after, min(timeout_s, PATIENCE_S))

    def _watch(self, watch: Watch) -> Any:
        """Nothing happens by itself: where nothing is left to do, the answer stays as it is."""
        while not watch.done:
            watch.told(self._ask(watch.question, watch.at_least, None, PATIENCE_S), time.monotonic())
            if not watch.done and not self._engine.turn():
                raise watch.given_up("nothing is left to do")
        return watch.answer


class _ForWorker:
    """Sends for a worker, while another client may be waiting."""

    def __init__(self, engine: "InlineEngine") -> None:
        self._engine = engine

    def send(self, command: Command, *, timeout_s: float) -> Receipt:
        with InlineClient(self._engine) as client:
            return client.send(command, timeout_s=timeout_s)

    def send_many(self, commands: Sequence[Command], *, timeout_s: float) -> list[Receipt]:
        with InlineClient(self._engine) as client:
            return client.send_many(commands, timeout_s=timeout_s)


class InlineEngine(Asking):
    """`data`: a data directory, kept, and locked meanwhile as by a node (Locked, if another uses it); without
    one a temporary one is used and removed. `start_ns`: what the clock shows at first, by default the time of
    day. What the parts have to say is in `log`; what is amiss, such as the traceback of a handler, goes to
    standard error too, where a failing test shows it."""

    app: Engine
    data: Path
    partitions: int
    log: KeptLog

    def __init__(
        self,
        app: Engine,
        data: Path | None = None,
        *,
        partitions: int = 1,
        start_ns: int | None = None,
    ) -> None:
        app.check()
        self.app, self.partitions = app, partitions
        self._clock = Clock(time.time_ns() if start_ns is None else start_ns)
        self.log = _ShownLog()
        self.shuffle: Callable[[list[Any]], None] | None = None
        """changes the order in which notices reach the followers, in place; it may drop some too"""
        self._cleanup = contextlib.ExitStack()
        self.data = Path(self._cleanup.enter_context(temporary_folder())) if data is None else data
        self.data.mkdir(parents=True, exist_ok=True)
        self._directory = DataDirectory(self.data, MAP_BYTES)
        self._directory.expect_usable()
        self._lock: int | None = lock_data(self._directory.lock)
        self._messages: list[tuple[bytes, bytes]] = []
        self._notices: list[Notice] = []
        self._wires: dict[bytes, Wire] = {}
        self._told: list[SetAside] = []
        try:
            self._open()
        except BaseException:
            os.close(self._lock)
            raise
        self._client = InlineClient(self)

    # ------------------------------------------------------------------ as a client

    def send(self, command: Command, wait: Wait = "committed", timeout_s: float = TIMEOUT_S) -> Receipt:
        """As `Client.send`."""
        return self._client.send(command, wait, timeout_s)

    def send_many(
        self, commands: Iterable[Command], wait: Wait = "committed", timeout_s: float = TIMEOUT_S
    ) -> list[Receipt]:
        """As `Client.send_many`."""
        return self._client.send_many(commands, wait, timeout_s)

    def submit(self, command: Command, wait: Wait = "committed", timeout_s: float = TIMEOUT_S) -> Ticket:
        """As `Client.submit`."""
        return self._client.submit(command, wait, timeout_s)

    def wait(self, ticket: Ticket) -> Receipt:
        """As `Client.wait`."""
        return self._client.wait(ticket)

    def _ask(self, question: Question, at_least: AtLeast, after: list[int] | None, timeout_s: float) -> Told:
        return self._client._ask(question, at_least, after, timeout_s)

    def _watch(self, watch: Watch) -> Any:
        return self._client._watch(watch)

    # ------------------------------------------------------------------ for tests

    def client(self) -> InlineClient:
        """Another client."""
        return InlineClient(self)

    @property
    def now_ns(self) -> int:
        """What the clock shows."""
        return self._clock.now_ns

    def settle(self) -> None:
        """Works until nothing is left to do: every view is as far as the log, nothing that a process manager
        sent is unanswered. What has to be tried again later is tried now: the clock goes on as far as needed.
        Timers that are not due stay.

        HandlerKeepsFailing, once for each, if a view or process manager has set an aggregate aside for good,
        or a worker's handler fails however often it is tried.
        InvariantBroken if it never ends."""
        for _ in range(MOST_TURNS):
            if not self.turn():
                due = min((follower.next_due for follower in self._followers.values()), default=NEVER)
                if due == NEVER:
                    break
                self._clock.go_on(due)
        else:
            raise InvariantBroken("it does not settle", turns=MOST_TURNS)
        every = itertools.chain(*(follower.set_aside() for follower in self._followers.values()))
        fresh = [one for one in every if one not in self._told]
        self._told += fresh
        if fresh:
            raise HandlerKeepsFailing("\n".join(map(str, fresh)))

    def time_passes(self, span: timedelta | None = None, *, minutes: float = 0, seconds: float = 0) -> None:
        """Moves the clock; timers that become due fire, and everything settles."""
        self.settle()
        self._clock.now_ns += span_ns(span, minutes, seconds)
        self.settle()

    def restart(self, *, kill: bool = False) -> None:
        """Ends the engine and starts it again from what is on disk. `kill`: views lose what they had not
        saved, and what was on its way between the parts is lost."""
        self._close(saves=not kill)
        self._open()
        for wire in self._wires.values():
            wire.inbox.clear()

    def append_foreign(
        self,
        aggregate: str,
        events: Sequence[Event],
        *,
        version: int | None = None,
        command: str | None = None,
    ) -> tuple[int, int]:
        """As `engine.node.foreign.append_foreign`, which cannot open a store that this process has open."""
        lane = self._pipeline.lanes[partition_of(aggregate, self.partitions)]
        now_ns = self._clock.now_ns
        env = lane.writer.env
        return append_to(env, aggregate, events, version=version, command=command, now_ns=now_ns)

    def close(self) -> None:
        """Ends it; a temporary data directory is removed. Closing it again does nothing."""
        lock, self._lock = self._lock, None
        if lock is None:
            return
        try:
            self._close(saves=True)
        finally:
            os.close(lock)
        self._cleanup.close()

    def read(self, query: str, **args: Any) -> Any:
        """Asks what the reader process of a node answers (`engine.reading.questions`). Raises Refused."""
        stores = Stores(self.data)
        try:
            questions = ReaderQuestions(stores, lambda: self.app)
            return msgspec.json.decode(questions.answer(query, msgspec.json.encode(args)))
        finally:
            stores.close()

    # ------------------------------------------------------------------ for wires

    def connect(self, work: Callable[[], object] | None = None) -> Wire:
        """A wire for commands. `work`: what is done where an answer is waited for; without it, a turn."""
        who = b"\1inline" + len(self._wires).to_bytes(9, "big")
        wire = self._wires[who] = Wire(lambda frame: self._messages.append((who, frame)), work or self.turn)
        return wire

    def ask(self, title: str) -> Wire:
        """A wire for queries to a view or a process manager."""
        route = len(self._followers[title].wire.routes).to_bytes(8, "big")

        def deliver(frame: bytes) -> None:
            desk = self._followers[title].wire
            desk.routes[route] = wire  # after a restart it is another one
            desk.requests.append([route, frame])

        wire = self._followers[title].wire.routes[route] = Wire(deliver, self.turn)
        return wire

    def turn(self) -> bool:
        """Does what is at hand, once around. True if there was anything."""
        messages, self._messages = self._messages, []
        for who, frame in self._pipeline.take(messages) if messages else ():
            if who in self._wires:
                self._wires[who].inbox.append(frame)
        # Or a timer would be due later than it seems.
        self._clock.now_ns = max(self._clock.now_ns, self._pipeline.time_ns)
        notices, self._notices = self._notices, []
        if self.shuffle is not None:
            self.shuffle(notices)
        busy = bool(messages or notices)
        for follower in self._followers.values():
            busy = follower.turn(notices) or busy
        return busy or bool(self._messages)

    # ------------------------------------------------------------------ starting and ending

    def _open(self) -> None:
        data = self._directory
        data.open(self.app.name, self.app.fingerprint, self.partitions, given=True)
        record_births(data, self.app.process_managers)
        begin_workers(data, self.app.workers)
        self._followers: dict[str, Follower] = {}
        with contextlib.ExitStack() as opened:
            self._pipeline = Pipeline(
                self.app, data, self.partitions, self._clock.wall_ns, self._publish, self.log
            )
            opened.callback(self._pipeline.close)
            self._clock.now_ns = max(self._clock.now_ns, self._pipeline.time_ns)
            readers = [lane.reader for lane in self._pipeline.lanes]
            opened.enter_context(lend(*readers))
            opened.callback(self._close_followers, saves=False)
            around = Surroundings(self.app, data, readers, self._pipeline.limits, self._clock, self.log)
            for name in self.app.projections:
                self._follow(ViewInline(around, name))
            for name in self.app.process_managers:
                self._follow(ManagerInline(around, name, self.connect(_nothing)))
            for name in self.app.workers:
                self._follow(WorkerInline(around, name, _ForWorker(self)))
            self._opened = opened.pop_all()

    def _follow(self, follower: Follower) -> None:
        self._followers[follower.title] = follower

    def _close_followers(self, saves: bool) -> None:
        followers, self._followers = self._followers, {}
        for follower in followers.values():
            follower.close(saves)

    def _close(self, saves: bool) -> None:
        self._close_followers(saves)
        self._opened.close()
        self._messages.clear()
        self._notices.clear()

    def _publish(self, notice: Notice) -> None:
        self._notices.append(notice)

    def __enter__(self) -> "InlineEngine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _ShownLog(KeptLog):
    """A log that shows what is amiss as it comes."""

    def __call__(self, code: Code, text: str, /, *, hint: str = "", trace: str = "", **facts: object) -> None:
        super().__call__(code, text, hint=hint, trace=trace, **facts)
        if code.level is not Level.INFO:
            print(self[-1], file=sys.stderr)


def _nothing() -> None:
    """What a process manager does about an answer that is not there: its turn is what looks for it."""
