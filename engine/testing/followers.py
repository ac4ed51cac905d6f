"""The reading side of a node in one thread: every view with its query desk, every process manager."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.follow import Fold, Projected
from engine.follow.dead_letters import NEVER
from engine.follow.generations import Generation
from engine.follow.questions import Questions
from engine.follow.target import Target
from engine.managers import Manager, read_birth
from engine.managers.questions import ManagerQuestions
from engine.model.app import Engine
from engine.node.config import Config
from engine.node.data_directory import DataDirectory
from engine.stages.gate import Limits
from engine.stages.post import Post
from engine.stages.query_desk import Desk
from engine.store import Reader
from engine.testing.pipeline import MAP_BYTES, MOST_TRIES
from engine.testing.wires import DeskWire, Wire, as_socket

Clock = Callable[[], int]


class Follower:
    """A fold and the desk that answers from it."""

    def __init__(
        self,
        app: Engine,
        target: Target,
        folder: Path,
        readers: Sequence[Reader],
        now_ns: Clock,
        log: Callable[[str], None],
    ) -> None:
        self.fold = Fold(app, target, folder, readers, MAP_BYTES, log=log, now=lambda: now_ns() / 1e9)
        self.readers, self._log, self._now_ns = readers, log, now_ns
        self.wire = DeskWire()
        self.desk: Desk

    def take(self, partition: int, first: int, last: int, record: bytes) -> None:
        """A record from the doorbell, in whatever order it comes."""
        self.fold.accept(partition, first, last, record)

    def turn(self) -> bool:
        """Takes in what is new, tries again what is due, saves, answers. True if there was anything."""
        before = list(self.fold.positions)
        self.fold.poll()
        busy = self.fold.retry_due() or before != self.fold.positions
        self._save()
        return self.desk.serve() or busy

    @property
    def next_due_ns(self) -> int | None:
        """When something that failed is tried again; None: nothing waits."""
        due = self.fold.dead_letters.next_due
        return None if due == NEVER else int(due * 1e9) + 1

    def close(self, saves: bool) -> None:
        """Closes it. `saves`: False to lose what was not saved yet, as a kill does."""
        if saves:
            self._save()
        self.fold.close()

    def _save(self, force: bool = False) -> None:
        self._insist(lambda: self.fold.save(force))

    def _insist(self, step: Callable[[], None]) -> None:
        """Where the process would end by an error, and be started again."""
        for attempt in range(1, MOST_TRIES + 1):
            try:
                step()
                return
            except Exception as error:
                if attempt == MOST_TRIES:
                    raise
                self._log(f"tried again: {error!r}")


class ViewInline(Follower):
    """One view: the newest version of a projection."""

    def __init__(
        self, app: Engine, name: str, data: DataDirectory, readers: Sequence[Reader], now_ns: Clock, log: Any
    ) -> None:
        spec = app.projections[name]
        folder = data.views / Generation(spec.version).folder(name)
        super().__init__(app, Projected(spec), folder, readers, now_ns, log)
        self.desk = Desk(as_socket(self.wire), Questions(self.fold, wall=now_ns))


class ManagerInline(Follower):
    """One process manager, with its post."""

    def __init__(
        self,
        app: Engine,
        name: str,
        data: DataDirectory,
        readers: Sequence[Reader],
        now_ns: Clock,
        log: Any,
        wire: Wire,
    ) -> None:
        birth = read_birth(data.manager(name), len(readers))
        self.manager = Manager(app, app.process_managers[name], birth, log=log)
        super().__init__(app, self.manager, data.manager(name), readers, now_ns, log)
        self.desk = Desk(
            as_socket(self.wire),
            ManagerQuestions(self.fold, self.manager, wall=now_ns, now=lambda: now_ns() / 1e9),
        )
        self.post = Post(as_socket(wire), Limits.of(Config()))
        self._mailbox = wire

    def turn(self) -> bool:
        """Answers heard, events taken in, timers fired; all saved; then commands sent."""
        busy = False
        now = self._now_ns() / 1e9
        if self._mailbox.inbox:
            for id, refusal in self.post.answers():
                self.manager.answered(id, refusal, now)
                busy = True
        busy = self.manager.fire(self._now_ns()) > 0 or busy
        busy = self.manager.retry_due(now) or busy
        busy = super().turn() or busy
        if self.manager.changed or self.manager.outbox.wants_out:
            self._save(force=True)
        self.manager.durable()
        commands = self.manager.leaving(self.post.room)
        self._insist(lambda: self.post.send(commands))
        return busy or bool(commands)

    @property
    def next_due_ns(self) -> int | None:
        """As of any follower, refusals whose handler failed included."""
        setbacks, due = self.manager.setbacks.next_due, super().next_due_ns
        dues = [] if due is None else [due]
        if setbacks != NEVER:
            dues.append(int(setbacks * 1e9) + 1)
        return min(dues, default=None)
