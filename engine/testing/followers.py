"""The reading side of a node in one thread: every view, process manager and worker, with its query desk.

An unforeseen error ends a process of a node, which is then started again: here the follower is opened again
from what it has saved.
"""

import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.base.errors import BUGS, told
from engine.base.log import Log
from engine.base.log_codes import Code
from engine.follow import Fold, Projected
from engine.follow.dead_letters import NEVER
from engine.follow.generations import Generation
from engine.follow.questions import Questions, lag_of
from engine.follow.target import Target
from engine.managers import Manager, read_birth
from engine.managers.questions import ManagerQuestions
from engine.model.app import Engine
from engine.model.delivery import Delivery
from engine.node.data_directory import DataDirectory
from engine.reading.beginnings import settle_beginning
from engine.reading.subscriber import Subscriber
from engine.stages.gate import Limits
from engine.stages.managing import Managing
from engine.stages.post import Post
from engine.stages.projecting import Projecting
from engine.stages.query_desk import Desk
from engine.stages.taking import Taking
from engine.stages.working import Handling, Sender, Telling, WorkerQuestions, pause_after
from engine.store import Reader
from engine.testing.clock import Clock
from engine.testing.wires import DeskWire, Wire, as_socket
from engine.wire.doorbell import Notice

MOST_TRIES = 5  # of a worker's handler, before the test is told
MOST_STARTS = 10  # in a row, as often as a supervisor starts a process again


class Surroundings(NamedTuple):
    """What all followers of an engine share."""

    app: Engine
    data: DataDirectory
    readers: Sequence[Reader]
    limits: Limits
    clock: Clock
    log: Log

    def fold(self, target: Target, folder: Path) -> Fold:
        """A target driven through the log by the clock."""
        app, readers, now = self.app, self.readers, self.clock.now
        return Fold(app, target, folder, readers, self.data.map_bytes, log=self.log, now=now)


class SetAside(NamedTuple):
    """What a handler of a view or process manager failed on, as often as it is tried."""

    follower: str
    aggregate: str
    position: int
    what: str
    error: str
    where: str

    def __str__(self) -> str:
        at = f" ({self.where})" if self.where else ""
        return f"{self.follower} has set {self.aggregate} aside, handling {self.what}: {self.error}{at}"


class Follower:
    """A stage that reads the log, and the desk that answers from it."""

    kind: str

    def __init__(self, around: Surroundings, name: str) -> None:
        self.name, self.title = name, self.title_of(name)
        self.wire = DeskWire()
        self._around = around
        self._starts = 0
        self.stage, answers = self._open()
        self.desk = Desk(as_socket(self.wire), answers)

    @classmethod
    def title_of(cls, name: str) -> str:
        """Which one it is: a view and a process manager may have the same name."""
        return f"{cls.kind} {name}"

    def turn(self, notices: Sequence[Notice]) -> bool:
        """What its process does, once around. True if there was anything."""
        try:
            busy: bool = self.stage.turn(notices) | self.desk.serve() or self.stage.look()
        except Exception as error:
            self._starts += 1
            if self._starts == MOST_STARTS:
                raise
            self._around.log(Code.KIT_RETRIED, f"{self.title} is started again", error=repr(error))
            self.close(saves=False)
            self.stage, self.desk.answers = self._open()
            return True
        self._starts = 0
        return busy

    @property
    def next_due(self) -> float:
        """When something that failed is tried again, by the clock."""
        due: float = self.stage.next_due
        return due

    def set_aside(self) -> Iterator[SetAside]:
        """What is not tried again by itself."""
        for letter in self.stage.fold.dead_letters:
            if letter.dead:
                what = ", ".join(letter.events)
                yield SetAside(
                    self.title, letter.aggregate, letter.position, what, letter.error, letter.where
                )

    def close(self, saves: bool) -> None:
        """Closes it. `saves`: False to lose what was not saved yet, as a kill does."""
        if saves:
            self.stage.finish()
        self.stage.fold.close()

    def _open(self) -> tuple[Any, Any]:
        """The stage as its folder has it, and what answers from it."""
        raise NotImplementedError


class ViewInline(Follower):
    """One view: the newest version of a projection."""

    kind = "view"

    def _open(self) -> tuple[Projecting, Questions]:
        around = self._around
        spec = around.app.projections[self.name]
        folder = around.data.views / Generation(spec.version).folder(self.name)
        fold = around.fold(Projected(spec), folder)
        stage = Projecting(fold, now=around.clock.now, checkpoint_s=0.0, log=around.log)
        return stage, Questions(fold, wall=around.clock.wall_ns)


class ManagerInline(Follower):
    """One process manager, with its post."""

    kind = "process manager"

    def __init__(self, around: Surroundings, name: str, mailbox: Wire) -> None:
        self._mailbox = mailbox
        super().__init__(around, name)

    def set_aside(self) -> Iterator[SetAside]:
        yield from super().set_aside()
        for setback in self._manager.setbacks.all():
            if setback.is_dead:
                command = setback.entry.command
                what = f"the refusal of {type(command).__name__}"
                yield SetAside(self.title, command.aggregate, 0, what, setback.error, setback.where)

    def _open(self) -> tuple[Managing, Questions]:
        around, clock = self._around, self._around.clock
        folder, spec = around.data.manager(self.name), around.app.process_managers[self.name]
        birth = read_birth(folder, len(around.readers))
        self._manager = Manager(
            around.app, spec, birth, log=around.log, message_bytes=around.limits.message_bytes
        )
        fold = around.fold(self._manager, folder)
        self._mailbox.inbox.clear()
        stage = Managing(
            fold,
            self._manager,
            Post(as_socket(self._mailbox), around.limits, clock.now),
            now=clock.now,
            wall_ns=clock.wall_ns,
            checkpoint_s=0.0,
            log=around.log,
        )
        return stage, ManagerQuestions(fold, self._manager, wall=clock.wall_ns, now=clock.now)


class WorkerInline(Follower):
    """One worker. A handler that fails is tried again, and everything after it waits, as in one lane.
    `sender`: sends commands for it and waits."""

    kind = "worker"

    def __init__(self, around: Surroundings, name: str, sender: Sender) -> None:
        self._sender, self._runs = sender, False
        self._failures, self._retry_at, self._error = 0, NEVER, ""
        super().__init__(around, name)

    def turn(self, notices: Sequence[Notice]) -> bool:
        if self._runs:  # what it tells has the others at work meanwhile
            return False
        self._runs = True
        try:
            return self.desk.serve() | self._go_round() | self._take()
        finally:
            self._runs = False

    @property
    def next_due(self) -> float:
        # Rounds go on for ever: they come when the clock is moved.
        return self._retry_at if 0 < self._failures < MOST_TRIES else NEVER

    def set_aside(self) -> Iterator[SetAside]:
        if self._failures >= MOST_TRIES:
            one = self._given[0]
            yield SetAside(self.title, one.aggregate, one.position, one.type, self._error, "")

    def close(self, saves: bool) -> None:
        if self._taking is not None:
            self._taking.close(self._done if saves else ())
        self._worker.close()

    def _take(self) -> bool:
        if self._taking is None:
            return False
        busy = self._taking.turn(self._done)
        self._done.clear()
        while self._given and (not self._failures or self._around.clock.now() >= self._retry_at):
            busy = True
            try:
                self._handling.handle(self._given[0])
            except BUGS as error:
                self._failed(error)
                break
            self._failures, self._retry_at = 0, NEVER
            self._done.append(self._given.popleft())
        self._positions[:] = self._taking.positions
        return busy or bool(self._done)

    def _failed(self, error: BaseException) -> None:
        self._failures, self._error = self._failures + 1, told(error)
        self._retry_at = self._around.clock.now() + pause_after(self._failures)
        trace = "".join(traceback.format_exception(error)).rstrip() if self._failures == 1 else ""
        text = f"a handler of {self.title} failed"
        self._around.log(Code.WORKER_FAILED, text, trace=trace, error=self._error)

    def _go_round(self) -> bool:
        now = self._around.clock.now()
        due = [one for one, at in self._due.items() if now >= at]
        for one in due:
            self._due[one] = now + one.seconds
            self._handling.go_round(one)
        return bool(due)

    def _open(self) -> tuple[Any, Any]:
        around, clock = self._around, self._around.clock
        spec, folder = around.app.workers[self.name], around.data.worker(self.name)
        self._worker = spec.factory()
        self._worker.clock_ns = clock.wall_ns
        self._worker.open(folder)
        self._handling = Handling(self._worker, spec, Telling(self.name, self._sender))
        self._due = dict.fromkeys(spec.rounds, 0.0)
        self._given: deque[Delivery] = deque()
        self._done: list[Delivery] = []
        self._positions = [0] * len(around.readers)
        self._taking: Taking | None = None
        if spec.handlers:
            reads = sorted(spec.events(), key=str)
            settle_beginning(around.data, self.name, lambda: True, lambda: None)
            subscriber = Subscriber(around.data.path, self.name, reads, app=around.app, folder=folder)
            give, partitions = self._given.append, len(around.readers)
            self._taking = Taking(subscriber, partitions, give, now=clock.now, checkpoint_s=0.0)
        return self._taking, WorkerQuestions(self._worker, spec, self._positions, self._lag)

    def _lag(self) -> dict[str, dict[str, Any]]:
        return lag_of(self._around.readers, self._positions, self._around.clock.now_ns)
