"""The status page: one shared file in which each process of a node shows its state.

    0     header, 256 bytes: magic, number of slots
    256   slots, one 256-byte line each: 8-byte words, written by that slot's process alone
    …     names, 64 bytes each, UTF-8, padded with zeros

A line per process means that no two processes ever write to the same cache line; a word is written by
one aligned 8-byte store, so a reader sees the old or the new value and never a mixture.
"""

import mmap
import os
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from types import TracebackType

from engine.base.errors import ConfigError, Fault

MAGIC = int.from_bytes(b"RFSTAT02", "little")
LINE = 256  # two cache lines: processors fetch them in pairs
WORDS = LINE // 8
NAME_BYTES = 64
_MASK = (1 << 64) - 1


class State(IntEnum):
    """What a process is doing."""

    STARTING = 0
    REPLAYING = 1  # bringing its state up to date; `position` or `sequence` shows how far
    RUNNING = 2
    WAITING_FOR_ROOM = 3  # alive, and it goes on when there is room on the disk, or less is set aside
    STOPPING = 4
    STOPPED = 5
    FAILED = 6  # a follower that was given up; a stand-in answers in its place


SHOWN = (
    "pid", "progress", "sequence", "position", "restarts", "lost_replies", "dead_letters", "outbox", "timers",
    "snapshots_taken", "aggregates",
)  # fmt: skip


class _Word:
    """One 8-byte word of a slot, as an attribute."""

    def __init__(self, index: int) -> None:
        self.index = index

    def __get__(self, slot: "Slot", _owner: type) -> int:
        return slot.words[self.index]

    def __set__(self, slot: "Slot", value: int) -> None:
        slot.words[self.index] = value & _MASK


class Slot:
    """The line of one process. Only that process writes to it, the supervisor's `restarts` excepted."""

    __slots__ = ("name", "words")

    name: str
    words: "memoryview[int]"

    state: _Word = _Word(0)
    progress: _Word = _Word(1)  # counted up by the loop that does the work
    pid: _Word = _Word(2)
    sequence: _Word = _Word(3)  # last command sequence handled
    position: _Word = _Word(4)  # last event position made or applied
    restarts: _Word = _Word(5)  # how often the supervisor has started this process again
    lost_replies: _Word = _Word(6)  # of the input: frames to clients that had left or did not read
    epoch: _Word = _Word(7)  # of an output: how often an append from outside made the core go back
    in_hand: _Word = _Word(8)  # of a core: the first sequence of what it is running, as death would leave it
    suspect: _Word = _Word(9)  # of a core: what the last life had in hand
    deaths: _Word = _Word(10)  # of a core: how many lives in a row ended so
    dead_letters: _Word = _Word(11)  # of a projector or process manager: how many aggregates are set aside
    outbox: _Word = _Word(12)  # of a process manager: commands that wait for their answer
    timers: _Word = _Word(13)  # of a process manager: timers that are set
    snapshots_taken: _Word = _Word(14)  # of the snapshotter
    notes_written: _Word = _Word(15)  # of the snapshotter: how often it has noted what the journal must keep
    clock_behind_ms: _Word = _Word(16)  # of the input: how far the clock is behind the last stamp
    scrub_left: _Word = _Word(17)  # of input and reader: how many commits the scrub has not reached
    settled: _Word = _Word(18)  # of an output: the last sequence stored of what its own core decided
    owned: _Word = _Word(19)  # of a member: a bit for each partition that this node owns
    conflicts: _Word = _Word(20)  # of an output: how often another node had decided first
    wants: _Word = _Word(21)  # of a core: how often it has asked for its sections again
    caught_up: _Word = _Word(22)  # of an output: 1 while it has followed all that the log was known to have
    terms: _Word = _Word(23)  # of a member: how often this node has become an owner
    aggregates: _Word = _Word(25)  # of a core: how many it has in memory
    looked: _Word = _Word(24)  # of the input: 1 once a life of it has looked for damage to the end
    decision: _Word = _Word(26)  # of an output: the last decision of the log of a cluster that is stored
    silent: _Word = _Word(28)  # of the input: logs of a cluster that have not taken commands for long
    digest: _Word = _Word(27)  # of an output: a number for the digest of that decision

    def __init__(self, name: str, words: "memoryview[int]") -> None:
        self.name = name
        self.words = words

    def as_dict(self) -> dict[str, object]:
        """A copy of all values."""
        return {"state": State(self.state).name.lower().replace("_", "-")} | {
            name: getattr(self, name) for name in SHOWN
        }


class StatusPage:
    """All slots of a node."""

    names: tuple[str, ...]

    def __init__(self, memory: mmap.mmap, names: Sequence[str]) -> None:
        self._memory = memory
        self._words = memoryview(memory).cast("Q")
        self.names = tuple(names)
        self._slots = {
            name: Slot(name, self._words[WORDS * (number + 1) : WORDS * (number + 2)])
            for number, name in enumerate(names)
        }

    @classmethod
    def create(cls, path: str | os.PathLike[str], names: Sequence[str]) -> "StatusPage":
        """Makes the file with one slot per name, all STARTING."""
        encoded = [name.encode() for name in names]
        for name in encoded:
            if len(name) > NAME_BYTES:
                raise ConfigError("a process name is too long", name=name.decode(), limit_bytes=NAME_BYTES)
        size = LINE * (1 + len(names)) + NAME_BYTES * len(names)
        body = bytearray(size)
        body[0:16] = MAGIC.to_bytes(8, "little") + len(names).to_bytes(8, "little")
        body[LINE * (1 + len(names)) :] = b"".join(name.ljust(NAME_BYTES, b"\0") for name in encoded)
        target = Path(path)
        fresh = target.with_name(target.name + ".new")
        fresh.write_bytes(body)
        fresh.rename(target)  # so that a reader always finds a whole page
        return cls.attach(target)

    @classmethod
    def attach(cls, path: str | os.PathLike[str]) -> "StatusPage":
        """Opens a page that another process made. Raises Fault if it is missing or is none."""
        try:
            with open(path, "r+b") as file:
                memory = mmap.mmap(file.fileno(), 0)
        except (OSError, ValueError) as error:
            raise Fault("the status page cannot be opened", path=path, error=error) from None
        magic, count = (int.from_bytes(memory[at : at + 8], "little") for at in (0, 8))
        if magic != MAGIC or len(memory) != LINE * (1 + count) + NAME_BYTES * count:
            memory.close()
            raise Fault("this is not a status page", path=path)
        start = LINE * (1 + count)
        names = [
            memory[start + NAME_BYTES * n : start + NAME_BYTES * (n + 1)].rstrip(b"\0").decode()
            for n in range(count)
        ]
        return cls(memory, names)

    def slot(self, name: str) -> Slot:
        """The slot of a process; KeyError if the node has no such process."""
        return self._slots[name]

    def snapshot(self) -> dict[str, dict[str, object]]:
        """All values of all slots, by name, in start order."""
        return {name: slot.as_dict() for name, slot in self._slots.items()}

    def close(self) -> None:
        """Unmaps the page; the slots cannot be used afterwards."""
        for slot in self._slots.values():
            slot.words.release()
        self._words.release()
        self._memory.close()

    def __enter__(self) -> "StatusPage":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
