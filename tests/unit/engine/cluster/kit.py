"""A node of a cluster without its processes: its intake, core and output are turned by a test, over logs in
memory and a store on the disk. Each can die, and comes back as its process would."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from engine.cluster.intake import Intake
from engine.cluster.ledger import Decided, Ledger
from engine.cluster.logs import Message
from engine.cluster.memory_logs import MemoryLog
from engine.cluster.resending import Resending
from engine.model.messages import Command
from engine.processes.cluster_core import catch_up, take
from engine.processes.cluster_output import settle
from engine.snapshots import SnapshotFolder
from engine.stages.recovering import Past
from engine.stages.storing import Storing
from engine.store import Reader, Writer
from engine.store.place import decode_place
from engine.wire.answers import answered_id, split_answers
from engine.wire.batches import Batch, decode_batch, decode_replies, encode_batch
from engine.wire.commands import CommandDecoder, encode_command, join_commands
from engine.wire.groups import Group
from engine.wire.log import raw_record_decoder
from engine.wire.replicated import decode_commands, decode_decision, encode_commands
from tests.unit.engine.core.test_partition import app

MOST_TURNS = 200
Answers = list[dict[str, Any]]


def group(*commands: Command, who: bytes = b"me") -> Group:
    """One client's commands."""
    return who, len(commands), join_commands(map(encode_command, commands))


def message(*commands: Command, gate: str = "gate") -> bytes:
    """A message of C with one client's commands."""
    return encode_commands(gate, [group(*commands)])


class Together:
    """The nodes of a cluster with one partition. `answered`: what clients were told, by command id."""

    def __init__(self, folder: Path, nodes: int = 2) -> None:
        self.commands, self.decisions = MemoryLog(), MemoryLog()
        self.answered: dict[str, list[tuple[Any, ...]]] = {}
        self.nodes = [LoneNode(self, folder / f"node{k}") for k in range(nodes)]

    def send(self, *commands: Command) -> None:
        """A gate appends a message."""
        if commands:
            self.commands.put(message(*commands), None)

    @property
    def queued(self) -> list[Command]:
        """All commands in the log, in order."""
        decode = CommandDecoder(app).decode
        groups = [one for message in self.commands.messages for one in decode_commands(message.body)[1]]
        return [command for _, _, body in groups for command in decode(body)]

    @property
    def batches(self) -> list[Batch]:
        """All that was decided, in order."""
        decisions = [decode_decision(message.body) for message in self.decisions.messages]
        return [batch for decision in decisions for batch in decision.batches]

    @property
    def commits(self) -> list[tuple[str, int, str, int]]:
        """(aggregate, version, command, sequence) of all that the log of decisions has, in order."""
        logs = [raw_record_decoder.decode(batch.log) for batch in self.batches if batch.log]
        return [(c.aggregate, c.version, c.command, c.sequence) for log in logs for c in log.commits]

    @property
    def decided(self) -> set[str]:
        """The commands of which the log of decisions has the outcome."""
        frames = [batch.outcomes for batch in self.batches if batch.outcomes]
        others = [answered_id(one) for frame in frames for one in split_answers(frame)]
        return {command for _, _, command, _ in self.commits}.union(others)

    def rest(self) -> None:
        """Every node does what it has to do, until nothing is left to do."""
        for _ in range(MOST_TURNS):
            moved = [node.turn() for node in self.nodes]
            if not any(moved):
                return
        raise AssertionError("they do not come to rest")

    def close(self) -> None:
        for node in self.nodes:
            node.close()


class LoneNode:
    """One node, which owns the partition while `owns`."""

    def __init__(self, together: Together, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.owns = True
        self.waiting: Callable[[], object] = lambda: None
        """is called while the log does not answer"""
        self._together, self._folder = together, folder
        self.core: Any = SimpleNamespace(wants=0)
        self.output: Any = SimpleNamespace(
            sequence=0, settled=0, position=0, decision=0, epoch=0, conflicts=0, caught_up=0
        )
        self.inbox: deque[bytes] = deque()
        self.outbox: deque[bytes] = deque()
        self._writer = Writer(folder / "store", 64 << 20, 2_000, index_key=bytes(range(16)))
        self.reader = Reader.beside(self._writer)
        self._commands = together.commands.end()
        self._begin_output()
        self._begin_core()
        self._intake: Intake | None = None

    # ------------------------------------------------------------------ its processes, one step of each

    def turn(self) -> bool:
        """One step of each; True if any had something to do."""
        moved = [self.take_in(), self.decide(), self.put_out()]
        return any(moved)

    def take_in(self) -> bool:
        """What the input process does with what other gates have appended."""
        if not self.owns:
            self._commands.pause()
            self._intake = None
            return False
        if self._intake is None:
            place = decode_place(self.reader.place())
            self._intake, self._sent, self._arrived = Intake(place), Resending(), deque[Message]()
            self._commands.follow(place.message, self._arrived.append)
        while self._arrived:
            self._intake.take(*self._arrived.popleft())
        self._sent.settled(self.output.sequence)
        self._sent.look(self.core.wants)
        moved = False
        while (section := self._sent.next() or self._intake.section()) is not None:
            new = self._sent.next() is None
            self.inbox.append(section)
            self._sent.sent(section)
            if new:
                self._intake.handed_on(section)
            moved = True
        return moved

    def decide(self) -> bool:
        """What the core process does with what is in its ring."""
        moved = catch_up(self.core, self._past, self._partition)
        sections = [self.inbox.popleft() for _ in range(len(self.inbox))]
        take(self.core, self._past, self._partition, sections, self._decide)
        return moved or bool(sections)

    def refuse(self, sequence: int) -> None:
        """Its core decides a command otherwise than others would."""
        self._partition.refused = {sequence: "of this node alone"}

    def take_too_early(self, sections: list[bytes]) -> None:
        """Its core takes sections without having looked at its store."""
        take(self.core, self._past, self._partition, sections, self._decide)

    def put_out(self, upto: int = 1 << 30) -> bool:
        """What the output process does with some of what is in its ring, and with what others decided."""
        records = [self.outbox[k] for k in range(min(upto, len(self.outbox)))]
        if not records and not self.ledger.behind:
            return False
        self.settle([decode_batch(record) for record in records])
        for _ in records:
            self.outbox.popleft()
        return True

    def settle(self, batches: list[Batch]) -> Decided:
        return settle(self.output, self.ledger, self._storing, batches, self._answer)

    # ------------------------------------------------------------------ their deaths

    def lose_input(self) -> None:
        """The input process dies; its ring stays as it is."""
        self._commands.pause()
        self._intake = None

    def lose_core(self) -> None:
        """The core process dies; what it had handed on is stored before it is back."""
        while self.outbox:
            self.put_out()
        self._begin_core()

    def lose_output(self, *, after: int = 0) -> None:
        """The output process dies; `after` it has put out so many batches that it did not release."""
        if after and self.outbox:
            self.ledger.decide([decode_batch(self.outbox[k]) for k in range(min(after, len(self.outbox)))])
        self._decisions.pause()
        self._begin_output()

    def close(self) -> None:
        self._writer.close()

    # ------------------------------------------------------------------ what is in the store

    @property
    def state(self) -> dict[str, tuple[int, Any]]:
        """Version and balance of each aggregate in memory."""
        return {
            name: (one.version, getattr(one, "balance", None))
            for name, one in self._partition.aggregates.items()
        }

    @property
    def rows(self) -> dict[str, list[tuple[bytes, bytes]]]:
        """Every row of every table of the store."""
        found = {}
        with self._writer.env.begin() as txn:
            for name, table in self._writer.tables._asdict().items():
                found[name] = [(bytes(key), bytes(value)) for key, value in txn.cursor(db=table)]
        return found

    def _begin_output(self) -> None:
        self._storing = Storing(self._writer, 0, self._folder / "refused", self.output.epoch)
        self._decisions = self._together.decisions.end()
        self.ledger = Ledger(
            self._decisions,
            decode_place(self.reader.place()),
            lambda batches, place: self._writer.commit(list(batches), place.encode()),
            code=bytes(16),
            wait=self._wait,
        )
        self._decisions.follow(self.ledger.place.decision, self.ledger.arrived)
        self.ledger.follow()
        if not self.output.caught_up:
            self.output.settled, self.output.caught_up = self._storing.sequence, 1
        self.output.sequence, self.output.position = self._storing.sequence, self._storing.position

    def _wait(self, _: float) -> None:
        self.waiting()

    def _begin_core(self) -> None:
        def wait() -> None:
            self.put_out()

        self._past = Past(
            app,
            self._folder / "journal",
            self._folder / "refused",
            SnapshotFolder(self._folder, 0),
            self.reader,
            self.output,
            window=1_000,
            most_bytes=1 << 20,
            log=lambda *_, **__: None,
            beat=lambda _: None,
            wait=wait,
        )
        self._partition = self._past.partition()
        self._partition.outruns = True
        self.core.wants += 1

    def _decide(self, section: bytes) -> None:
        for batch in self._partition.batches(section):
            self.outbox.append(encode_batch(batch))

    def _answer(self, records: Any) -> None:
        decided = self._together.decided
        for record in records:
            for _, _, body in decode_replies(record):
                for answer in msgspec.json.decode(b"[" + body + b"]"):
                    versions = answer.get("versions", [answer.get("version")])
                    for id, version in zip(answer.get("ids", [answer.get("id")]), versions, strict=True):
                        assert id in decided, "it is answered, and no majority has it"
                        told = answer["outcome"], answer.get("code"), version
                        self._together.answered.setdefault(id, []).append(told)
