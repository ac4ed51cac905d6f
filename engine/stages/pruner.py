"""The pruner of the input process, which removes journal segments in a thread, because the disk may be slow.

It acts only on a note of the snapshotter of this life of the node (`engine.snapshots.needed`).
"""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from engine.base.errors import RingfoldError
from engine.base.log import Log
from engine.base.log_codes import Code
from engine.journal import prune
from engine.node.data_directory import DataDirectory
from engine.node.status import Slot
from engine.snapshots.needed import read_needed


def prunable(needed: Sequence[int], last: Sequence[int], sequence: int) -> int:
    """The sequence up to which no partition needs the journal. `last`: the last sequence of each partition.

    A partition that has had no command since `needed` needs nothing of what came later either. `needed` must
    have been read before `last`, otherwise a command that came between would be overlooked.
    """
    return min([first for first, end in zip(needed, last, strict=True) if end > first], default=sequence)


AGAIN_S = 60.0  # after a failure, such as an archive that is full


class Pruner:
    """`look` is called about once a second, and returns at once. `snapshotter`: the status line that says
    when there is a new note. `archive`: where segments are moved; None: they are removed."""

    def __init__(
        self, data: DataDirectory, snapshotter: Slot, *, archive: Path | None, log: Log
    ) -> None:
        self._data, self._snapshotter, self._archive, self._log = data, snapshotter, archive, log
        self._seen = 0
        self._not_before = 0.0
        self._thread: threading.Thread | None = None

    def look(self, sequence: int, last: Sequence[int]) -> None:
        """Starts to remove segments if there is a new note."""
        if self._thread is not None and self._thread.is_alive():
            return
        noted = self._snapshotter.notes_written
        if noted == self._seen or time.monotonic() < self._not_before:
            return
        self._seen = noted
        needed = read_needed(self._data.needed, len(last))
        upto = prunable(needed, last, sequence)
        self._thread = threading.Thread(target=self._prune, args=(upto, needed), daemon=True)
        self._thread.start()

    def _prune(self, upto: int, needed: Sequence[int]) -> None:
        stores = [self._data.store_file(partition) for partition in range(len(needed))]
        try:
            gone = prune(self._data.journal, upto, needed, archive=self._archive, stores=stores)
        except (OSError, RingfoldError) as error:
            text = "the journal could not be pruned, and is tried again later"
            self._log(Code.JOURNAL_NOT_PRUNED, text, error=error)
            self._seen, self._not_before = 0, time.monotonic() + AGAIN_S
            return
        if gone:
            text = f"{len(gone)} journal segments were {'archived' if self._archive else 'removed'}"
            self._log(Code.JOURNAL_PRUNED, text, upto_sequence=upto)
