"""A node without processes: a partition and its store, and a process manager that can die at any step."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from engine.base.identity import NO_INDEX_KEY
from engine.base.log import KeptLog
from engine.core.partition import Partition
from engine.follow import Fold
from engine.managers import Manager, read_birth
from engine.managers.birth import Birth, write_birth
from engine.managers.intake import Intake
from engine.managers.questions import ManagerQuestions
from engine.model.app import Engine
from engine.model.messages import Command
from engine.model.process_managers import Refusal
from engine.node.data_directory import DataDirectory
from engine.store import Writer
from engine.wire.answers import decode_answers
from engine.wire.batches import decode_replies
from engine.wire.sections import encode_section
from tests.unit.engine.follow.kit import StoreReader

MAP = 64 << 20
SECOND_NS = 1_000_000_000
STEPS = ("taken", "fired", "saved", "sent", "answered")


class Killed(Exception):
    """The process manager died here."""


class SmallNode:
    """Takes commands, decides them, stores them and answers. It never dies."""

    def __init__(self, app: Engine, folder: Path) -> None:
        app.check()
        self.app = app
        self.now_ns = 1_764_000_000 * SECOND_NS
        self.writer = Writer(DataDirectory(folder).store(0), MAP, index_key=NO_INDEX_KEY)
        self.reader = StoreReader(self.writer)
        self.partition = Partition(app, 0)
        self.taken: list[Command] = []

    def post(self, *commands: Command) -> dict[str, Refusal | None]:
        """id → how it was refused, if it was."""
        self.taken += commands
        self.now_ns += len(commands)
        before = self.partition.sequence
        body = msgspec.json.encode(commands)
        section = encode_section(before + 1, before, self.now_ns, [(b"who", len(commands), body)])
        found: dict[str, Refusal | None] = {}
        for batch in self.partition.batches(section):
            self.writer.commit([batch])
            for _, id in msgspec.json.decode(batch.duplicates or b"[]"):
                found[id] = None
            for _, _, reply in decode_replies(batch.replies):
                for answer in decode_answers(b"[" + reply + b"]"):
                    refused = answer.outcome in ("rejected", "failed")
                    outcome: Any = answer.outcome
                    refusal = Refusal(outcome, answer.code, answer.message) if refused else None
                    found.update(dict.fromkeys(answer.ids or [str(answer.id)], refusal))
        return found

    def commits(self) -> list[Any]:
        """Everything stored."""
        return [commit for _, commit in self.reader.commits()]


class Life:
    """A process manager from its start to its death. `die_at` names the step at which it dies, once."""

    def __init__(self, node: SmallNode, data: Path, name: str = "relay") -> None:
        self.node, self.data, self.name = node, data, name
        self.said = KeptLog()
        self.die_at = ""
        self.now = 0.0
        self.flying: list[Command] = []
        self.folder = DataDirectory(data).manager(name)
        # Not `record_births`: the store is open here already, by its writer.
        if not (self.folder / "birth.json").exists():
            write_birth(self.folder, Birth([node.reader.position()]))
        self.start()

    def start(self) -> None:
        birth = read_birth(self.folder, 1)
        spec = self.node.app.process_managers[self.name]
        self.manager = Manager(self.node.app, spec, birth, log=self.said)
        folder, now = self.folder, lambda: self.now
        reader = self.node.reader
        self.fold = Fold(self.node.app, self.manager, folder, [reader], MAP, log=self.said, now=now)
        self.intake = Intake(self.fold, self.manager)

    def again(self) -> None:
        """Death and the next start. What it had sent and heard nothing of, the node has all the same."""
        self.fold.close()
        self.flying.clear()
        self.start()

    def turn(self) -> bool:
        """A turn of the loop. True if anything was done."""
        try:
            return self._turn()
        except Killed:
            self.again()
            return True

    def settle(self) -> None:
        """Turns until nothing is left to do."""
        for _ in range(1000):
            if not self.turn():
                return
        raise AssertionError("it never comes to rest")

    def _turn(self) -> bool:
        manager = self.manager
        answers = self.node.post(*self.flying) if self.flying else {}
        self.flying.clear()
        for id, refusal in answers.items():
            manager.answered(id, refusal, self.now)
        self._step("answered", bool(answers))
        self.intake.poll()
        taken = self.intake.read() | self.fold.retry_due() | manager.retry_due(self.now)
        self._step("taken", taken)
        fired = manager.fire(self.node.now_ns)
        self._step("fired", bool(fired))
        wanted = manager.outbox.wants_out
        self.fold.save(manager.changed or wanted)
        manager.durable()
        self._step("saved", wanted)
        self.flying = [entry.command for entry in manager.leaving(1000)]
        if self.flying and self.die_at == "sent":
            self.node.post(*self.flying)
        self._step("sent", bool(self.flying))
        return bool(answers or taken or fired or self.flying)

    def _step(self, name: str, reached: bool) -> None:
        if reached and name == self.die_at:
            self.die_at = ""
            raise Killed


@contextlib.contextmanager
def world(app: Engine, folder: Path) -> Iterator[tuple[SmallNode, Life]]:
    """A node and the life of its process manager."""
    node = SmallNode(app, folder)
    life = Life(node, folder)
    try:
        yield node, life
    finally:
        life.fold.close()
        node.writer.close()


def wait(life: Life) -> None:
    """Lets time pass until nothing is tried again by itself."""
    for _ in range(50):
        life.settle()
        due = min(life.fold.dead_letters.next_due, life.manager.setbacks.next_due)
        patience = max(0.0, due - life.now)
        if patience == float("inf"):
            return
        life.now += patience
    raise AssertionError("tried again without end")


def ask(life: Life, query: str, **args: Any) -> Any:
    """An answer of the desk."""
    questions = ManagerQuestions(life.fold, life.manager)
    return msgspec.json.decode(questions.answer(query, msgspec.json.encode(args)))
