"""Snapshotting: when one is due, taking one of every partition, and what the journal may let go after it.

A snapshot is due when the event store of a partition is `every` events ahead of its newest snapshot. What the
journal must keep is noted after each (`engine.snapshots.needed`).
"""

import contextlib
import gc
import time
from collections.abc import Callable, Sequence

from engine.base.crash import crash_point
from engine.base.log import Log
from engine.base.log_codes import Code
from engine.model.app import Engine
from engine.node.data_directory import DataDirectory
from engine.node.misplaced import set_misplaced_snapshots_aside
from engine.node.status import Slot
from engine.snapshots import Standby, code_mark, verify
from engine.snapshots.folder import KEPT, SnapshotFile
from engine.snapshots.loading import Unusable
from engine.snapshots.needed import write_needed

COMMANDS_PER_EVENT = 4  # if nearly all commands are refused, they make a snapshot due too


class Snapshotting:
    """The folders of all partitions, and which snapshots in them a start could use, newest first.

    `load_app`: the application, loaded again for each use, so that nothing of it stays in memory. `outputs`:
    the status lines that say how far each store is; `slot`: the snapshotter's own. `beat` is called every now
    and then; what it raises ends the work.
    """

    def __init__(
        self,
        data: DataDirectory,
        load_app: Callable[[], Engine],
        outputs: Sequence[Slot],
        slot: Slot,
        *,
        every: int,
        log: Log,
        beat: Callable[[], object],
    ) -> None:
        self._data, self._load_app, self._outputs, self._slot = data, load_app, outputs, slot
        self._every, self._log, self._beat = every, log, beat
        self._folders = [data.snapshot_folder(partition) for partition in range(len(outputs))]
        self._sound: list[list[SnapshotFile]] = [[] for _ in self._folders]
        self._resting: list[int] = []  # partitions that had not changed when the others were taken

    def look(self) -> None:
        """Finds the snapshots of earlier lives that are whole and of today's code, since only those count.
        Raises Fault, OSError."""
        set_misplaced_snapshots_aside(self._data, len(self._folders), self._log)
        mark = ""
        self._sound = [[] for _ in self._folders]
        for partition, folder in enumerate(self._folders):
            for snapshot in folder.snapshots()[:KEPT]:
                mark = mark or code_mark(self._load_app())
                try:
                    if verify(snapshot.path, beat=self._beat).code == mark:
                        self._sound[partition].append(snapshot)
                except Unusable as why:
                    self._log(Code.SNAPSHOT_DAMAGED, f"a snapshot is damaged: {why}", path=snapshot.path)
        self._note()

    def due(self) -> bool:
        """True if a snapshot should be taken now."""
        commands = COMMANDS_PER_EVENT * self._every * len(self._folders)
        for output, sound in zip(self._outputs, self._sound, strict=True):
            position, sequence = (sound[0].position, sound[0].sequence) if sound else (0, 0)
            if output.position - position >= self._every or (
                output.position and output.sequence - sequence >= commands
            ):
                return True
        return False

    def take(self) -> None:
        """Takes a snapshot of every partition that has changed."""
        gc.disable()  # there are millions of objects without a cycle, and the collector would visit them all
        try:
            app = self._load_app()
            taken = [partition for partition in range(len(self._folders)) if self._take(partition, app)]
        finally:
            gc.enable()
        rest = (partition for partition in range(len(self._folders)) if partition not in taken)
        self._resting = [partition for partition in rest if self._sound[partition]] if taken else []
        self._note()

    def _take(self, partition: int, app: Engine) -> bool:
        """False if the partition has not changed."""
        began, folder, sound = time.monotonic(), self._folders[partition], self._sound[partition]
        with contextlib.closing(self._data.reader(partition)) as reader:
            snapshot = Standby(folder, app, reader, self._log, beat=self._beat).take()
        if snapshot is None:
            return False
        stays = folder.snapshots()
        self._sound[partition] = [snapshot, *(one for one in sound if one != snapshot and one in stays)]
        self._log(
            Code.SNAPSHOT_TAKEN,
            "a snapshot was taken",
            partition=partition,
            position=snapshot.position,
            seconds=round(time.monotonic() - began, 2),
        )
        self._slot.snapshots_taken += 1
        return True

    def _note(self) -> None:
        """Notes what the journal must keep, and that the note is new.

        It is what the older snapshot of a partition needs, or the newer one if the partition has not changed.
        """
        needed = []
        for partition, sound in enumerate(self._sound):
            number = 0 if partition in self._resting else KEPT - 1
            needed.append(sound[number].sequence if len(sound) > number else 0)
        write_needed(self._data.needed, needed)
        crash_point("snapshot.noted")
        self._slot.position = sum(sound[0].position for sound in self._sound if sound)
        self._slot.notes_written += 1
