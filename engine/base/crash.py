"""Crash points: points in a process's loop where a test can kill it, as by SIGKILL.

    ENGINE_CRASH_AT=<point>:<n>            dies the n-th time it reaches the point (n from 1)
    ENGINE_CRASH_AT=<point>:<n>:<file>     the same, but only one process once: it makes the file first
    ENGINE_CRASH_AT=<…>,<…>                several of them

Without the variable a point costs one check of a global.
"""

import os
import signal
from typing import NamedTuple

VARIABLE = "ENGINE_CRASH_AT"

POINTS = {
    "input.admitted": "commands passed the gate; nothing of them is kept",
    "input.written": "a batch is in the journal, and not flushed",
    "input.journaled": "a batch is durable; no core has it",
    "input.published": "one of the cores has its part of a batch",
    "input.accepted": "`accepted` has left",
    "input.answered": "answers have left, and are in the ring still",
    "roll.made": "the spare of the next segment is zero-filled and durable",
    "roll.headed": "the spare has its header",
    "roll.renamed": "the spare has the name of a segment; the folder is not flushed",
    "roll.installed": "the folder is flushed; the segment before has no seal",
    "roll.sealed": "the segment before has its seal; nothing is in the new one",
    "core.replayed": "everything that was journaled before is decided again",
    "core.taken": "sections were taken from the ring, and nothing of them is decided",
    "core.decided": "a batch is decided, and in this process alone",
    "core.handed-on": "the output has the batch; the section is in the ring still",
    "core.released": "the sections have left the ring",
    "output.taken": "batches were taken from the ring",
    "intake.handed-on": "of a node of a cluster: the core has a section of what the log has",
    "output.appending": "of a node of a cluster: a decision is made, and not in the log",
    "output.appended": "of a node of a cluster: it is in the log, and not stored here",
    "output.storing": "all of them is written in a transaction that is not committed",
    "output.stored": "the transaction is durable; no client knows",
    "output.answered": "the input has the answers",
    "output.announced": "the doorbell has rung; the batches are in the ring still",
    "output.released": "the batches have left the ring",
    "projector.applied": "a record is in memory, and not saved",
    "projector.saved": "a checkpoint of a view is durable",
    "view.saving": "a checkpoint of a view or process manager is written, and not committed",
    "builder.begun": "a generation of a view has its folder, and nothing in it",
    "builder.saved": "a part of it is durable",
    "builder.closed": "all of it is durable, and the projector does not know",
    "view.taken-over": "it is served by this process, and that is not noted",
    "view.pointed": "that it is served is noted; the one before is there still",
    "manager.taken": "a process manager has applied events; nothing that follows is saved",
    "manager.fired": "its timers have fired; nothing that follows is saved",
    "manager.saved": "what it wants to send is durable, and has not left",
    "manager.sent": "its commands have left",
    "manager.answered": "it has their answers; that is not saved",
    "snapshot.state": "the state of a partition is in memory",
    "snapshot.begun": "the file has its header",
    "snapshot.chunk": "the file has one more chunk",
    "snapshot.durable": "the file is whole and has its name",
    "snapshot.kept": "older ones are removed",
    "snapshot.noted": "what the journal must keep is noted",
    "prune.flushed": "the stores are flushed; nothing is noted",
    "prune.noted": "where the journal begins is noted; nothing is removed",
    "prune.removed": "one more segment is removed; the folder is not flushed",
}
"""Every point, and what has happened when a process dies there."""

OF_A_CLUSTER = ("intake.handed-on", "output.appending", "output.appended")
"""Those that a node that is alone never reaches."""


class Aim(NamedTuple):
    """Where to die, and when."""

    point: str
    number: int
    file: str


def aims_in(text: str) -> list[Aim]:
    """The aims that a value of the variable names. ValueError if it cannot be read, since a test that kills
    no process would prove nothing; for the same reason a point that is not in the table is refused."""
    aims = []
    for part in text.split(",") if text else ():
        point, _, rest = part.partition(":")
        number, _, file = rest.partition(":")
        if not point or int(number) < 1:
            raise ValueError(f"{VARIABLE}: {part!r} is not point:n")
        if point not in POINTS:
            raise ValueError(f"{VARIABLE}: there is no point {point!r}")
        aims.append(Aim(point, int(number), file))
    return aims


_aims = aims_in(os.environ.get(VARIABLE, "")) or None
_passed: dict[str, int] = {}


def crash_point(name: str) -> None:
    """A point at which the process can be made to die."""
    if _aims is not None:
        _reach(name, _aims)


def _reach(name: str, aims: list[Aim]) -> None:
    passed = _passed[name] = _passed.get(name, 0) + 1
    for point, number, file in aims:
        if point != name or number != passed:
            continue
        if file:
            try:
                os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            except FileExistsError:
                continue
        os.kill(os.getpid(), signal.SIGKILL)
