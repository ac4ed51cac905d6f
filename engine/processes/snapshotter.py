"""The snapshotter, which takes snapshots of all partitions beside the cores, at low priority.

It sleeps until the event store of a partition is `snapshot_events` ahead of its newest snapshot, or until
it is asked to (`engine.snapshots.request`). Then it takes one of every partition that has changed, and
notes which commands the journal need no longer keep.
"""

import contextlib
import gc
import os
import time

from engine.base.errors import Exit
from engine.base.log_codes import Code
from engine.node.process import NodeProcess, run
from engine.node.roles import Kind, Role
from engine.snapshots import Standby, code_mark, verify
from engine.snapshots.folder import KEPT, SnapshotFile
from engine.snapshots.loading import Unusable
from engine.snapshots.needed import write_needed
from engine.snapshots.request import Request

NICENESS = 10
LOOK_S = 0.25
AGAIN_S, SELDOM_S = 60.0, 3600.0  # after a failure, then doubled, since a full disk does not empty by trying
COMMANDS_PER_EVENT = 4  # if nearly all commands are refused, they make a snapshot due too


class Stopping(BaseException):
    """The process was told to stop in the middle of its work. Not an Exception, so that no handler catches it
    as one."""


class Snapshotter:
    """The folders of all partitions, and which snapshots in them a start could use, newest first."""

    def __init__(self, stage: NodeProcess) -> None:
        self.stage = stage
        self.folders = [stage.data.snapshot_folder(p) for p in range(stage.partitions)]
        self.sound: list[list[SnapshotFile]] = [[] for _ in self.folders]
        self.still: list[int] = []
        self.request = Request(stage.data.snapshot_request)

    def look(self) -> None:
        """Finds the snapshots of earlier lives that are whole and of today's code, since only those count."""
        mark = ""
        for p, folder in enumerate(self.folders):
            for snapshot in folder.snapshots()[:KEPT]:
                mark = mark or code_mark(self.stage.app())
                try:
                    if verify(snapshot.path, beat=self.beat).code == mark:
                        self.sound[p].append(snapshot)
                except Unusable as why:
                    self.stage.log(Code.SNAPSHOT_DAMAGED, f"a snapshot is damaged: {why}", path=snapshot.path)
        self.tell()

    def due(self) -> bool:
        """True if a snapshot should be taken now."""
        every = self.stage.config.snapshot_events
        for p, sound in enumerate(self.sound):
            output = self.stage.slot_of(Role(Kind.OUTPUT, p))
            position, sequence = (sound[0].position, sound[0].sequence) if sound else (0, 0)
            commands = COMMANDS_PER_EVENT * every * len(self.folders)
            if output.position - position >= every or (
                output.position and output.sequence - sequence >= commands
            ):
                return True
        return False

    def take(self) -> None:
        """Takes a snapshot of every partition that has changed."""
        gc.disable()  # there are millions of objects without a cycle, and the collector would visit them all
        try:
            self._take()
        finally:
            gc.enable()
        self.tell()

    def _take(self) -> None:
        app = self.stage.app()
        taken = 0
        self.still = []
        for p, folder in enumerate(self.folders):
            began = time.monotonic()
            with contextlib.closing(self.stage.data.reader(p)) as reader:
                standby = Standby(folder, app, reader, self.stage.log, beat=self.beat)
                snapshot = standby.take()
            if snapshot is not None:
                stays = folder.snapshots()
                self.sound[p] = [snapshot, *(o for o in self.sound[p] if o != snapshot and o in stays)]
                took = time.monotonic() - began
                at, seconds = snapshot.position, round(took, 2)
                self.stage.log(
                    Code.SNAPSHOT_TAKEN, "a snapshot was taken", partition=p, position=at, seconds=seconds
                )
                self.stage.slot.snapshots_taken += 1
                taken += 1
            elif self.sound[p]:
                self.still.append(p)
        if not taken:
            self.still = []

    def tell(self) -> None:
        """Notes what the journal must keep, and that the note is new.

        It is what the older snapshot of a partition needs, or the newer one if the partition has not changed.
        """
        needed = []
        for p, sound in enumerate(self.sound):
            number = 0 if p in self.still else KEPT - 1
            needed.append(sound[number].sequence if len(sound) > number else 0)
        write_needed(self.stage.data.needed, needed)
        self.stage.slot.position = sum(sound[0].position for sound in self.sound if sound)
        self.stage.slot.notes_written += 1

    def beat(self) -> None:
        """Counts progress; raises to end the work if it is time to leave."""
        self.stage.beat()
        if self.stage.stopping:
            raise Stopping
        if self.stage.abort():
            raise SystemExit(Exit.TEMPORARY)


def main(stage: NodeProcess) -> None:
    """The loop: check whether a snapshot is due, take it, sleep."""
    os.nice(NICENESS)
    stage.wait_for_stores()  # it makes the event stores
    work = Snapshotter(stage)
    stage.running()
    not_before, pause = 0.0, AGAIN_S
    with contextlib.suppress(Stopping):
        work.look()
        while True:
            asked = work.request.is_there()
            if asked or (time.monotonic() > not_before and work.due()):
                try:
                    work.take()
                    pause = AGAIN_S
                except Exception as error:  # of the disk, or of an aggregate that cannot be saved
                    not_before, pause = time.monotonic() + pause, min(2 * pause, SELDOM_S)
                    stage.log(Code.SNAPSHOT_NOT_TAKEN, "no snapshot could be taken", error=repr(error))
                if asked:
                    work.request.done()
            work.beat()
            time.sleep(LOOK_S)


if __name__ == "__main__":
    run(main)
