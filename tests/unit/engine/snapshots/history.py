"""An event store filled by the core itself, without a node, and snapshots taken of it."""

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from engine import Engine
from engine.base.identity import NO_INDEX_KEY
from engine.base.log import no_log
from engine.core.partition import Partition
from engine.model.state import state_digest
from engine.node.data_directory import DataDirectory
from engine.snapshots import Snapshot, SnapshotFile, Standby, load_newest
from engine.store import Reader, Writer
from engine.store.archive import StoreArchive
from engine.wire.batches import Batch
from engine.wire.log import record_decoder
from engine.wire.sections import encode_section
from tests.unit.engine.snapshots.sample import MINUTES, T0, tallies


class History:
    """A partition at work, which forgets nothing."""

    def __init__(self, data: Path) -> None:
        self.store = DataDirectory(data).store(0)
        self.store.mkdir(parents=True, exist_ok=True)
        Writer(self.store, map_bytes=1 << 28, index_key=NO_INDEX_KEY).close()
        self._chance = random.Random(7)
        self.partition = Partition(tallies(), 0)
        self.minute = 0

    def go_on(self, batches: int, commands: int = 5, names: int = 40) -> None:
        """Some commands for some of the tallies, a minute of their time between two batches."""
        found: list[Batch] = []
        for _ in range(batches):
            self.minute += 1
            first = self.partition.sequence + 1
            rows = [
                {
                    "type": "add",
                    "aggregate": f"t{self._chance.randrange(names)}",
                    "id": f"{first + k:032x}",
                    "amount": self._chance.choice((1, 2, 3, 5, 0)),
                }
                for k in range(commands)
            ]
            group = (b"c", commands, msgspec.json.encode(rows))
            section = encode_section(first, first - 1, T0 + self.minute * MINUTES, [group])
            found += self.partition.batches(section)
        # Not kept, since a process may have a store open once only.
        writer = Writer(self.store, map_bytes=1 << 28, index_key=NO_INDEX_KEY)
        writer.commit(found)
        writer.close()


@contextlib.contextmanager
def standby(
    data: Path, app: Engine | None = None, beat: Callable[[], object] = lambda: None
) -> Iterator[Standby]:
    """The standby of that partition."""
    with contextlib.closing(DataDirectory(data).reader(0)) as reader:
        yield Standby(DataDirectory(data).snapshot_folder(0), app or tallies(), reader, no_log, beat=beat)


def take(data: Path, app: Engine | None = None) -> SnapshotFile | None:
    """The next snapshot."""
    with standby(data, app) as taker:
        return taker.take()


def restored(data: Path, app: Engine | None = None, *, with_snapshot: bool = True) -> Partition:
    """A core's state from what is stored, as a start makes it."""
    app = app or tallies()
    with contextlib.closing(DataDirectory(data).reader(0)) as reader:
        archive = StoreArchive(reader, app, reader.sequence, lambda: None)
        partition = Partition(app, 0, archive=archive)
        snapshot = newest_of(data, reader, app) if with_snapshot else None
        if snapshot is not None:
            partition.restore(snapshot.position, snapshot.aggregates, snapshot.time_ns, snapshot.complete)
        for _, record in reader.records(partition.position):
            first, commits = record_decoder(app).decode(record)
            partition.load(partition.position + 1, commits[partition.position + 1 - first :])
    return partition


def newest_of(data: Path, reader: Reader, app: Engine) -> Snapshot | None:
    """What a start would begin with."""
    folder = DataDirectory(data).snapshot_folder(0)
    return load_newest(folder, app, reader.position(), no_log, command_at=reader.command_at)


def digest(partition: Partition) -> str:
    """Of everything in its memory."""
    return state_digest(partition.aggregates)
