"""The input process's helper that lets journal segments go: a thread, as the disk may take its time.

It acts only on a note of the snapshotter of this life of the node (`engine.snapshots.needed`).
"""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from engine.base.errors import RingfoldError
from engine.journal import prune
from engine.node.process import Stage
from engine.snapshots.needed import read_needed


def prunable(needed: Sequence[int], last: Sequence[int], sequence: int) -> int:
    """Up to which sequence no partition needs the journal. `last`: the last sequence of each partition.

    A partition that has had no command since `needed` needs nothing of what came later either. `needed` must
    have been read before `last`: a command that came between would else be overlooked.
    """
    return min([first for first, end in zip(needed, last, strict=True) if end > first], default=sequence)


AGAIN_S = 60.0  # after a failure, such as an archive that is full


class Pruner:
    """`look` is called about once a second, and returns at once."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._wanted = stage.config["journal_keep"] == "needed" and stage.config["snapshot_events"] > 0
        self._archive = stage.config["journal_archive"]
        self._seen = 0
        self._not_before = 0.0
        self._thread: threading.Thread | None = None

    def look(self, sequence: int, last: Sequence[int]) -> None:
        """Starts removing if there is a new note."""
        if not self._wanted or (self._thread is not None and self._thread.is_alive()):
            return
        noted = self._stage.slot_of("snapshotter").count_a
        if noted == self._seen or time.monotonic() < self._not_before:
            return
        self._seen = noted
        needed = read_needed(self._stage.data.needed, self._stage.partitions)
        upto = prunable(needed, last, sequence)
        self._thread = threading.Thread(target=self._prune, args=(upto, needed), daemon=True)
        self._thread.start()

    def _prune(self, upto: int, needed: Sequence[int]) -> None:
        data = self._stage.data
        archive = Path(self._archive).expanduser() if self._archive else None
        stores = [data.store_file(p) for p in range(self._stage.partitions)]
        try:
            gone = prune(data.journal, upto, needed, archive=archive, stores=stores)
        except (OSError, RingfoldError) as error:
            self._stage.log(f"the journal could not be pruned, and is tried again later: {error}")
            self._seen, self._not_before = 0, time.monotonic() + AGAIN_S
            return
        if gone:
            where = f"moved to {archive}" if archive else "removed"
            self._stage.log(f"{len(gone)} journal segments up to sequence {upto:,} were {where}")
