"""The tally of one section: the outcomes of its commands, while they are decided one after the other.

    commits, answers, repeats → a reply to each client → the batch     or, if it cannot be finished: undo

After its batch is handed on, a tally still knows what to undo if the batch is never stored.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from engine.core.memory import Memory
from engine.core.window import COMMITTED, Window
from engine.model.aggregates import Aggregate
from engine.model.fitting import misfit
from engine.model.messages import Command
from engine.model.outcomes import misfit_of
from engine.wire.answers import Committed, CommittedBlock, answered_id, answered_outcome, encode_answers
from engine.wire.batches import (
    Batch,
    Duplicate,
    encode_child,
    encode_duplicates,
    encode_heads,
    encode_keys,
    encode_reply,
)
from engine.wire.log import encode_record

NEVER = 1 << 64  # the last sequence of what is half done, which is not stored before it is handed on

Entry = tuple[Any, ...]
"""The fields of a `Commit` on its way to the encoder, the last two only where they are given: a tuple is made
in half the time."""


class Tally:
    """The tally of the section that begins with `first_sequence`; its first commit gets `first_position`.

    `sequence` and `position` are the last ones, once the batch is made."""

    __slots__ = (
        "_replied",
        "children",
        "commits",
        "duplicates",
        "first_position",
        "first_sequence",
        "keys",
        "outcomes",
        "partition",
        "position",
        "repeats",
        "replies",
        "sequence",
        "touched",
    )

    def __init__(self, partition: int, first_sequence: int, first_position: int) -> None:
        self.partition, self.first_sequence, self.first_position = partition, first_sequence, first_position
        self.sequence, self.position = NEVER, first_position - 1
        self.commits: list[Entry] = []
        self.keys: list[str] = []
        """in hex: command id, aggregate key, command id, aggregate key, …"""
        self.touched: dict[str, Aggregate] = {}
        self.outcomes: list[bytes] = []
        """encoded answers that were no commits"""
        self.duplicates: list[Duplicate] = []
        self.children: list[bytes] = []
        """of commands that name a causation"""
        self.replies: list[bytes] = []
        self.repeats = 0
        """commands that were handled before"""
        self._replied = 0  # how many of the commits are answered

    def repeat(self, who: bytes, id: str, known: bytes, answers: list[bytes]) -> int:
        """Notes a command that was handled before. Returns 1 if it is left to the store to answer it."""
        self.repeats += 1
        if known == COMMITTED:
            self.duplicates.append((who, id))
            return 1
        answers.append(known)
        return 0

    def unencodable(self) -> str:
        """What is wrong with the first event that cannot be encoded; empty if there is none."""
        events = (event for commit in self.commits for event in commit[5])
        return next((misfit_of(event) for event in events if misfit(event)), "")

    def trace_commit(self, command: Command) -> None:
        """The commit that was added last is of a command with a correlation or a causation."""
        causes = (command.correlation, command.causation) if command.causation else (command.correlation,)
        self.commits[-1] += causes
        if command.causation:
            position = self.first_position + len(self.commits) - 1
            self.children.append(encode_child(command.causation, command.id, position))

    def end(self, command: Command, answer: bytes) -> bytes:
        """A command has no commit. Returns its answer."""
        self.outcomes.append(answer)
        if command.causation:
            self.children.append(encode_child(command.causation, command.id, 0))
        return answer

    def reply(self, who: bytes, count: int, answers: list[bytes]) -> None:
        """One client's commands are decided. `count`: how many are answered now; `answers`: those that were
        no commits of this section."""
        commits = self.commits[self._replied :]
        if commits:
            position = self.first_position + self._replied
            self._replied += len(commits)
            _, versions, ids, _, _, _, results, *_ = zip(*commits, strict=False)
            if results.count(None) == len(results):
                answers.append(CommittedBlock(ids, versions, self.partition, position).encode())
            else:
                for k, result in enumerate(results):
                    one = Committed(ids[k], versions[k], self.partition, position + k, result)
                    answers.append(one.encode())
        if answers:
            self.replies.append(encode_reply(who, count, b",".join(answers)))

    def batch(self, sequence: int, epoch: int, time_ns: int) -> Batch:
        """What must be stored and answered, now that all is decided up to `sequence`. Raises what encoding
        an event raises."""
        commits, outcomes = self.commits, self.outcomes
        record = encode_record((self.first_position, commits)) if commits else b""
        self.sequence, self.position = sequence, self.first_position + len(commits) - 1
        self.commits = []
        return Batch(
            self.first_sequence,
            sequence,
            self.first_position,
            len(commits),
            record,
            encode_keys(self.keys),
            encode_heads(self.touched.values()),
            encode_answers(outcomes) if outcomes else b"",
            b"".join(self.replies),
            encode_duplicates(self.duplicates) if self.duplicates else b"",
            epoch,
            b"".join(self.children) if self.children else b"",
            time_ns,
        )

    def count(self, outcomes: Counter[str]) -> None:
        """Adds what became of its commands, once the batch is made."""
        outcomes["committed"] += self.position - self.first_position + 1
        if self.repeats:
            outcomes["duplicate"] += self.repeats
        for answer in self.outcomes:
            outcomes[answered_outcome(answer)] += 1

    def commands(self) -> Iterator[str]:
        """The ids that were added to the window."""
        yield from self.keys[::2]
        for answer in self.outcomes:
            yield answered_id(answer)

    def undo(self, window: Window, memory: Memory, position: int) -> None:
        """Undoes everything, back to what is stored up to `position`."""
        for id in self.commands():
            window.forget(id)
        memory.reload(self.touched, position)
