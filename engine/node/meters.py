"""The meters of a node: one shared file in which each process counts what it does.

    0     header, 4096 bytes: magic, number of lines
    4096  lines, one of 4096 bytes for each process, in the order of the roles: 8-byte words

Which words a process has follows from its kind (`METERS`). A word is written by that process alone, by one
aligned store, and goes on where an earlier life of the process left it; a new node begins at 0. They are
written once a batch, because what is counted for each command would cost each command.

A histogram has four buckets for each doubling, so a value is known to an eighth. Durations are in
microseconds, up to about a minute; what takes longer counts as that.
"""

import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from engine.base.errors import Fault
from engine.node.config import MOST_PARTITIONS
from engine.node.roles import Kind, Role
from engine.wire.busy import BusyReason

MAGIC = int.from_bytes(b"RFMETER1", "little")
LINE = 4096
DOUBLINGS = 26
BUCKETS = 4 * (DOUBLINGS - 1)
_LAST = BUCKETS - 1
_MASK = (1 << 64) - 1


class Outcome(NamedTuple):
    """How many commands ended how, of those that reached a core."""

    committed: int
    unchanged: int
    rejected: int
    failed: int
    duplicate: int


class Meter(NamedTuple):
    """What a word, or a histogram of words, counts. `label`: what tells it from others of the same name."""

    name: str
    label: str = ""
    words: int = 1


def _histogram(name: str) -> Meter:
    return Meter(name, words=BUCKETS + 2)


FOLLOWER = (
    *(Meter("positions", str(partition)) for partition in range(MOST_PARTITIONS)),
    Meter("applied_commits"),
    _histogram("applied"),
)
METERS: Mapping[Kind, tuple[Meter, ...]] = {
    Kind.INPUT: (
        Meter("connections"),
        Meter("refused"),
        *(Meter("busy", reason) for reason in BusyReason),
        _histogram("journal_batch"),
        _histogram("journal_flush"),
        _histogram("accepted"),
    ),
    Kind.CORE: tuple(Meter("outcomes", outcome) for outcome in Outcome._fields),
    Kind.OUTPUT: (_histogram("store_batch"), _histogram("store_flush"), _histogram("committed")),
    Kind.PROJECTOR: FOLLOWER,
    Kind.MANAGER: FOLLOWER,
}


def bucket_of(value: int) -> int:
    """The bucket that a value ≥ 0 falls into."""
    if value < 8:
        return value
    shift = value.bit_length() - 3
    return min((shift << 2) + (value >> shift), _LAST)


def upper_bound(bucket: int) -> int:
    """The largest value that falls into a bucket; the last one has those beyond it too."""
    if bucket < 8:
        return bucket
    shift = (bucket >> 2) - 1
    return (((bucket & 3) + 5) << shift) - 1


class Counter:
    """One word: something that happened so often, or a number as it is now."""

    __slots__ = ("_at", "_words")

    def __init__(self, words: "memoryview[int]", at: int) -> None:
        self._words, self._at = words, at

    def add(self, count: int) -> None:
        """So much more of it."""
        self._words[self._at] += count

    def set(self, value: int) -> None:
        """It is so much now."""
        self._words[self._at] = value & _MASK

    @property
    def value(self) -> int:
        """What it is now."""
        return self._words[self._at]


class Histogram:
    """How often which values occurred: words for the number, the sum, and each bucket."""

    __slots__ = ("_at", "_words")

    def __init__(self, words: "memoryview[int]", at: int) -> None:
        self._words, self._at = words, at

    def record(self, value: int, times: int = 1) -> None:
        """A value occurred so often; one below 0, as a clock that was set back gives, counts as 0."""
        value = max(0, value)
        words, at = self._words, self._at
        words[at] += times
        words[at + 1] = (words[at + 1] + value * times) & _MASK
        words[at + 2 + bucket_of(value)] += times

    @property
    def count(self) -> int:
        """How many values there were."""
        return self._words[self._at]

    @property
    def sum(self) -> int:
        """Their sum."""
        return self._words[self._at + 1]

    @property
    def buckets(self) -> list[int]:
        """How many values fell into each bucket."""
        return self._words[self._at + 2 : self._at + 2 + BUCKETS].tolist()

    def quantile(self, share: float) -> int:
        """The value below which this share of all lies, to an eighth; 0 if there were none."""
        counts = self.buckets
        wanted = share * sum(counts)
        for bucket, count in enumerate(accumulate(counts)):
            if count >= wanted > 0:
                return upper_bound(bucket)
        return 0


class Line:
    """The meters of one process, by name and label."""

    def __init__(self, role: Role, words: "memoryview[int]") -> None:
        self.role, self._words = role, words
        self.counters: dict[tuple[str, str], Counter] = {}
        self.histograms: dict[str, Histogram] = {}
        at = 0
        for meter in METERS.get(role.kind, ()):
            if meter.words == 1:
                self.counters[meter.name, meter.label] = Counter(words, at)
            else:
                self.histograms[meter.name] = Histogram(words, at)
            at += meter.words

    def counter(self, name: str, label: str = "") -> Counter:
        """One counter; KeyError if this kind of process has no such one."""
        return self.counters[name, label]

    def counters_of(self, name: str) -> Iterator[tuple[str, Counter]]:
        """(label, counter) of all of one name."""
        return ((label, counter) for (found, label), counter in self.counters.items() if found == name)

    def close(self) -> None:
        """Its counters and histograms cannot be used afterwards."""
        self._words.release()


class MeterPage:
    """The lines of a node."""

    def __init__(self, memory: mmap.mmap, roles: Sequence[Role]) -> None:
        self._memory = memory
        self._all = memoryview(memory).cast("Q")
        words = LINE // 8
        self.lines = {
            role.name: Line(role, self._all[words * (at + 1) : words * (at + 2)])
            for at, role in enumerate(roles)
        }

    @classmethod
    def create(cls, path: Path, roles: Sequence[Role]) -> None:
        """Makes the file, all 0."""
        with open(path, "xb") as file:
            file.write(MAGIC.to_bytes(8, "little") + len(roles).to_bytes(8, "little"))
            file.truncate(LINE * (1 + len(roles)))

    @classmethod
    def attach(cls, path: str | os.PathLike[str], roles: Sequence[Role]) -> "MeterPage":
        """Opens the file that a supervisor made for these roles. Raises Fault if it is missing or is none."""
        try:
            with open(path, "r+b") as file:
                memory = mmap.mmap(file.fileno(), 0)
        except (OSError, ValueError) as error:
            raise Fault("the meters cannot be opened", path=path, error=error) from None
        head = MAGIC.to_bytes(8, "little") + len(roles).to_bytes(8, "little")
        if memory[:16] != head or len(memory) != LINE * (1 + len(roles)):
            memory.close()
            raise Fault("these are not the meters of this node", path=path)
        return cls(memory, roles)

    def close(self) -> None:
        """Unmaps the file."""
        for line in self.lines.values():
            line.close()
        self._all.release()
        self._memory.close()

    def __enter__(self) -> "MeterPage":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
