"""An application of one counter, and snapshots of it without a node."""

from pathlib import Path
from typing import Any

from engine import Aggregate, Command, Engine, Event, applies, handles
from engine.base.files import DISK, Files
from engine.base.log import Log, no_log
from engine.snapshots import (
    Snapshot,
    SnapshotFile,
    SnapshotFolder,
    SnapshotHeader,
    code_mark,
    load_newest,
    write,
)

MINUTES = 60 * 10**9
T0 = 1_790_000_000_000_000_000


class Add(Command, name="add"):
    amount: int = 1


class Added(Event, name="added"):
    amount: int


class Tally(Aggregate):
    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.total = 0
        self.history: list[int] = []

    @handles(Add, exists="may")
    def add(self, command: Add) -> Added:
        return Added(command.amount)

    @applies(Added)
    def _added(self, event: Added) -> None:
        self.total += event.amount
        self.history.append(event.amount)


def tallies(idle_s: float | None = None) -> Engine:
    """The application."""
    app = Engine("tallies")
    if idle_s is None:
        app.aggregate(Tally)
    else:
        app.aggregate(idle_s=idle_s)(Tally)
    return app


def some(number: int, upto: int = 3) -> dict[str, Tally]:
    """So many tallies, each with `upto` additions."""
    found: dict[str, Tally] = {}
    for k in range(number):
        tally = found[f"t{k}"] = Tally(f"t{k}")
        for amount in range(upto):
            tally._added(Added(amount + k))
            tally.engine_version += 1
    return found


def header(position: int, **more: Any) -> SnapshotHeader:
    """What a writer says of a snapshot at this position."""
    facts: dict[str, Any] = {
        "partition": 0, "position": position, "sequence": position, "time_ns": T0 + position,
        "command": f"{position:032x}", "aggregates": 0, "chunks": 0, "complete": True, "classes": [],
        "event_types": ["added"], "app": "tallies", "code": code_mark(tallies()), "made_ns": T0,
    }  # fmt: skip
    return SnapshotHeader(**(facts | more))


def put(
    data: Path, position: int, tallies: dict[str, Tally], files: Files = DISK, **more: Any
) -> SnapshotFile:
    """Writes one."""
    return write(SnapshotFolder(data, 0, files), header(position, **more), tallies)


def newest(
    data: Path,
    log: Log = no_log,
    upto: int = 1 << 40,
    files: Files = DISK,
    **more: Any,
) -> Snapshot | None:
    """What a core would begin with."""
    return load_newest(SnapshotFolder(data, 0, files), tallies(), upto, log, **more)
