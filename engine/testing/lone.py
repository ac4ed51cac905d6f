"""One partition with its store in a list: stories of aggregates run on it, once live and again to compare."""

import pickle
from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest
from typing import Any, NamedTuple

import msgspec

from engine.base.log import Log, no_log
from engine.core.idle import Idle
from engine.core.partition import Partition
from engine.model.app import Engine
from engine.wire.batches import decode_replies
from engine.wire.log import RecordDecoder, raw_record_decoder
from engine.wire.sections import encode_section


class Asked(NamedTuple):
    """A command as it was journaled."""

    time_ns: int
    body: bytes


class Lone:
    """The partition, and all that it has stored and answered. `past`: the records that it begins with."""

    def __init__(
        self,
        app: Engine,
        decoder: RecordDecoder,
        past: Sequence[bytes],
        log: Log = no_log,
    ) -> None:
        self.records = list(past)
        self.answers: list[bytes] = []
        self._decoder = decoder
        self.partition = Partition(app, 0, archive=self, log=log)
        self.partition.memory.idle = Idle({})  # what a story is about stays in memory, to be looked at
        for record in past:
            self.partition.load(*decoder.decode(record))
        self.partition.settle(0, "")

    def run(self, section: bytes) -> None:
        """Decides a section and keeps what comes of it."""
        for batch in self.partition.batches(section):
            if batch.log:
                self.records.append(batch.log)
            self.answers += [text for _, _, text in decode_replies(batch.replies)]

    def through_a_snapshot(self) -> None:
        """Every aggregate is saved and loaded, as by a node that begins with a snapshot."""
        for name, aggregate in self.partition.aggregates.items():
            fresh = self.partition.memory.new(type(aggregate), name)
            fresh.load_state(pickle.loads(pickle.dumps(aggregate.save_state())))
            fresh.engine_version = aggregate.engine_version
            self.partition.aggregates[name] = fresh

    def entries(self) -> list[bytes]:
        """The commits of its records, one by one, as they are stored."""
        commits = (commit for record in self.records for commit in raw_record_decoder.decode(record).commits)
        return [msgspec.json.encode(commit) for commit in commits]

    def difference(self, other: "Lone") -> str | None:
        """The first thing that came out otherwise in the other one, as text; None: nothing."""
        for mine, theirs in ((self.entries(), other.entries()), (self.answers, other.answers)):
            for one, two in zip_longest(mine, theirs, fillvalue=b"nothing"):
                if one != two:
                    return f"\n    first  {one.decode()}\n    then   {two.decode()}"
        return None

    def commits(self) -> Iterator[Any]:
        """The same, decoded again, so that a change to one changes no other."""
        for record in self.records:
            yield from self._decoder.decode(record)[1]

    # ------------------------------------------------------------------ as the partition's archive

    def has_command(self, id: str) -> bool:
        return any(commit.command == id for commit in self.commits())

    def stream(self, aggregate: str, upto: int) -> Iterator[Any]:
        return (commit for commit in self.commits() if commit.aggregate == aggregate)

    def stored(self) -> int:
        return 1 << 63


def one_by_one(asked: Sequence[Asked], first: int = 1) -> Iterator[bytes]:
    """A section for each command; the first one has sequence `first`."""
    for sequence, (time_ns, body) in enumerate(asked, first):
        yield encode_section(sequence, sequence - 1, time_ns, [(b"kit", 1, body)])


def all_at_once(asked: Sequence[Asked]) -> Iterator[bytes]:
    """As few sections as the stamps allow: within one, time goes on by a nanosecond a command."""
    numbered = list(enumerate(asked, 1))
    for _, group in groupby(numbered, key=lambda one: one[1].time_ns - one[0]):
        some = list(group)
        sequence, (time_ns, _) = some[0]
        yield encode_section(sequence, sequence - 1, time_ns, [(b"kit", 1, one.body) for _, one in some])
