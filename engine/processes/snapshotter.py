"""The snapshotter, which takes snapshots of all partitions beside the cores, at low priority.

It sleeps until one is due (`engine.stages.snapshotting`) or asked for (`engine.snapshots.request`).
"""

import contextlib
import os
import time

from engine.base.errors import Exit, told
from engine.base.log_codes import Code
from engine.node.process import NodeProcess, run
from engine.node.roles import Kind, Role
from engine.node.status import State
from engine.snapshots.request import Request
from engine.stages.snapshotting import Snapshotting
from engine.store.room import is_nearly_full, lacks_room

NICENESS = 10
LOOK_S = 0.25
AGAIN_S, SELDOM_S = 60.0, 3600.0  # after a failure, then doubled, since a full disk does not empty by trying


class Stopping(BaseException):
    """The process was told to stop in the middle of its work. Not an Exception, so that no handler catches it
    as one."""


def main(process: NodeProcess) -> None:
    """The loop: look whether one is due, take it, sleep."""

    def beat() -> None:
        """Counts progress; raises to end the work if it is time to leave."""
        process.beat()
        if process.stopping:
            raise Stopping
        if process.abort():
            raise SystemExit(Exit.TEMPORARY)

    os.nice(NICENESS)
    process.wait_for_look()
    snapshotting = Snapshotting(
        process.data,
        process.app,
        [process.slot_of(Role(Kind.OUTPUT, partition)) for partition in range(process.partitions)],
        process.slot,
        every=process.config.snapshot_events,
        log=process.log,
        beat=beat,
    )
    request = Request(process.data.snapshot_request)
    process.running()
    not_before, pause, looked, wants_room = 0.0, AGAIN_S, False, False
    with contextlib.suppress(Stopping):
        while True:
            asked, is_time = request.is_there(), time.monotonic() > not_before
            if wants_room and not is_nearly_full(process.data.path):
                is_time = True
            if asked or (is_time and (not looked or snapshotting.due())):
                try:
                    if not looked:
                        snapshotting.look()
                        looked, wants_room = True, False
                        process.slot.state = State.RUNNING
                    if asked or snapshotting.due():
                        snapshotting.take()
                    pause = AGAIN_S
                except Exception as error:  # of the disk, or of an aggregate that cannot be saved
                    # A look costs little, so it is tried again as soon as there is room for its note.
                    wants_room = not looked and lacks_room(error, process.data.path)
                    process.slot.state = State.WAITING_FOR_ROOM if wants_room else State.RUNNING
                    looked = False  # what is there may have become something else
                    not_before, pause = time.monotonic() + pause, min(2 * pause, SELDOM_S)
                    process.log(Code.SNAPSHOT_NOT_TAKEN, "no snapshot could be taken", error=told(error))
                if asked:
                    request.done()
            beat()
            process.sleep(LOOK_S)


if __name__ == "__main__":
    run(main)
