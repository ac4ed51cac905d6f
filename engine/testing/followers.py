"""The reading side of a node in one thread: every view and every process manager, with its query desk.

An unforeseen error ends a process of a node, which is then started again: here the follower is opened again
from what it has saved.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.base.log import Log
from engine.base.log_codes import Code
from engine.follow import Fold, Projected
from engine.follow.generations import Generation
from engine.follow.questions import Questions
from engine.follow.target import Target
from engine.managers import Manager, read_birth
from engine.managers.questions import ManagerQuestions
from engine.model.app import Engine
from engine.node.data_directory import DataDirectory
from engine.stages.gate import Limits
from engine.stages.managing import Managing
from engine.stages.post import Post
from engine.stages.projecting import Projecting
from engine.stages.query_desk import Desk
from engine.store import Reader
from engine.testing.clock import Clock
from engine.testing.wires import DeskWire, Wire, as_socket
from engine.wire.doorbell import Notice

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
            busy = self.stage.turn(notices) | self.desk.serve() or self.stage.look()
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
        return self.stage.next_due

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

    def _open(self) -> tuple[Projecting | Managing, Questions]:
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
