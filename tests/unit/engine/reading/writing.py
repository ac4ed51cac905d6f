"""A process that stores what it is told, as the output stage of a node does: LMDB has one writer, and readers
in this process could not open the same store twice.

    python -m tests.unit.engine.reading.writing DATA PARTITIONS

Then a line for each batch: a JSON array of [partition, aggregate, [event, …]].
"""

import itertools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from engine.base.identity import NO_INDEX_KEY, uuid7_hex
from engine.model.commit import Commit
from engine.node.data_directory import DataDirectory
from engine.store import Writer
from tests.unit.engine.store.batches import batch_of

MAP = 64 << 20


class Store:
    """The producer process."""

    def __init__(self, to: IO[str], back: IO[str]) -> None:
        self._to, self._back = to, back

    def put(self, *commits: tuple[int, str, list[dict[str, Any]]]) -> None:
        """Stores (partition, aggregate, events) of several commands; returns when they are durable."""
        self._to.write(json.dumps(commits) + "\n")
        self._to.flush()
        assert self._back.readline() == "stored\n"


@contextmanager
def storing(data: Path, partitions: int = 1) -> Iterator[Store]:
    """A data directory and a process that writes into it."""
    data.mkdir(exist_ok=True)
    DataDirectory(data).open("sample", "", partitions, given=False)
    arguments = [sys.executable, "-m", __name__, str(data), str(partitions)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Store(process.stdin, process.stdout)
        process.stdin.close()


def main(data: Path, partitions: int) -> None:
    """Stores line by line."""
    writers = [Writer(DataDirectory(data).store(p), MAP, index_key=NO_INDEX_KEY) for p in range(partitions)]
    versions: Counter[str] = Counter()
    sequence = itertools.count(1)
    for line in sys.stdin:
        batches: dict[int, list[Commit]] = {}
        for partition, name, events in json.loads(line):
            versions[name] += 1
            n = next(sequence)
            commit = Commit(name, versions[name], uuid7_hex(), n, 1000 + n, events)
            batches.setdefault(partition, []).append(commit)
        for p, commits in batches.items():
            first, last = writers[p].position + 1, commits[-1].sequence
            writers[p].commit([batch_of(commits, first_position=first, last_sequence=last)])
        print("stored", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
