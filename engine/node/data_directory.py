"""The data directory: where a node keeps what must outlive it.

    manifest.json             what was decided when it was made
    lock                      held by the node that runs on it
    endpoints.json            how that node is reached; gone when none runs
    clock.json                how far a simulated clock was moved
    journal/                  every accepted command
    store-PPPP/               the event store of partition PPPP
    poisoned-PPPP.json        commands of that partition that are set aside
    refused-PPPP.json         commands of that partition that cannot be stored
    snapshots/PPPP/           its snapshots
    snapshots/needed.json     up to where each partition no longer needs the journal
    snapshots/take            there while an operator waits for snapshots
    tokens.json               who may call the gateway, hashed
    audit.jsonl               what operators did through it; audit-1.jsonl … what was before
    failed/NAME.json          why a view or process manager was given up
    views/                    the views, a folder for each generation
    managers/NAME/            state, outbox and timers of a process manager
    workers/NAME/             cursor of a worker, and what it keeps itself

A package below this one is given the paths that it works on, and does not know this layout.
"""

import contextlib
import os
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from engine.base.errors import ConfigError, CorruptData, NoSpace
from engine.base.files import free_bytes
from engine.base.place import expanded
from engine.node.clock import SYSTEM, SimulatedClock, SystemClock, clock_of
from engine.node.manifest import Manifest, new_manifest, read_manifest, write_manifest

if TYPE_CHECKING:
    from engine.snapshots import SnapshotFolder
    from engine.store import Reader

NOT_OF_A_COPY = ("lock", "endpoints.json", "lost+found", "failed", "snapshots/take")
LMDB_LOCKS = ("store-*/lock.mdb", "views/*/lock.mdb", "managers/*/lock.mdb")
AS_STORED = 0
START_BYTES = 1 << 20  # files of a few pages: notes, and a page here and there of those of LMDB


@dataclass(frozen=True)
class DataDirectory:
    """One data directory. `map_bytes`: the capacity of an event store; AS_STORED: what its file says, which
    is right for all but the node that makes it."""

    path: Path
    map_bytes: int = AS_STORED

    @classmethod
    def at(cls, path: "str | os.PathLike[str] | DataDirectory") -> "DataDirectory":
        """The directory that a caller from outside the engine names."""
        return path if isinstance(path, DataDirectory) else cls(expanded(path).absolute())

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def manifest_file(self) -> Path:
        """What was decided when the directory was made."""
        return self.path / "manifest.json"

    @property
    def lock(self) -> Path:
        """Locked while a node runs here."""
        return self.path / "lock"

    @property
    def endpoints(self) -> Path:
        """How the running node is reached."""
        return self.path / "endpoints.json"

    @property
    def journal(self) -> Path:
        """The folder of the journal's segments."""
        return self.path / "journal"

    @property
    def snapshots(self) -> Path:
        """The folder of all snapshots, and of what is noted about them."""
        return self.path / "snapshots"

    @property
    def needed(self) -> Path:
        """The note of which commands the journal must keep."""
        return self.snapshots / "needed.json"

    @property
    def snapshot_request(self) -> Path:
        """The file by which an operator asks for snapshots."""
        return self.snapshots / "take"

    @property
    def views(self) -> Path:
        """The folder of all views."""
        return self.path / "views"

    def store(self, partition: int) -> Path:
        """The folder of a partition's event store."""
        return self.path / f"store-{partition:04d}"

    def store_file(self, partition: int) -> Path:
        """The file in it that holds everything."""
        return self.store(partition) / "data.mdb"

    def has_store(self, partition: int) -> bool:
        """True if anything was ever stored in a partition. CorruptData if something else has the place of
        its folder or file: it would be taken for an empty one."""
        folder, file = self.store(partition), self.store_file(partition)
        if os.path.lexists(folder) and not folder.is_dir():
            raise CorruptData("the folder of an event store was replaced by something else", path=folder)
        if os.path.lexists(file) and not file.is_file():
            raise CorruptData("the file of an event store was replaced by something else", path=file)
        return file.is_file()

    def poisoned(self, partition: int) -> Path:
        """The list of the commands of a partition that are set aside."""
        return self.path / f"poisoned-{partition:04d}.json"

    def refused(self, partition: int) -> Path:
        """The list of the commands of a partition that cannot be stored."""
        return self.path / f"refused-{partition:04d}.json"

    @property
    def failures(self) -> Path:
        """The folder of the notes about followers that failed."""
        return self.path / "failed"

    def failure(self, process: str) -> Path:
        """The note of why a follower was given up. `process`: its name."""
        return self.failures / f"{process}.json"

    def poisoned_queries(self, process: str) -> Path:
        """The note of the queries that ended a follower. `process`: its name."""
        return self.failures / f"{process}.queries"

    @property
    def tokens(self) -> Path:
        """The tokens of callers from outside."""
        return self.path / "tokens.json"

    @property
    def audit(self) -> Path:
        """The log of what operators did."""
        return self.path / "audit.jsonl"

    @property
    def managers(self) -> Path:
        """The folder of all process managers."""
        return self.path / "managers"

    def manager(self, name: str) -> Path:
        """The folder of a process manager."""
        return self.managers / name

    @property
    def workers(self) -> Path:
        """The folder of all workers."""
        return self.path / "workers"

    def worker(self, name: str) -> Path:
        """The folder of a worker."""
        return self.workers / name

    @cached_property
    def manifest(self) -> Manifest:
        """What was decided when the directory was made. Raises ConfigError, Fault, CorruptData."""
        return read_manifest(self.manifest_file)

    @property
    def partitions(self) -> int:
        """The number of partitions, which never changes."""
        return self.manifest.partitions

    @property
    def index_key(self) -> bytes:
        """What the indexes of its stores know aggregates by."""
        return bytes.fromhex(self.manifest.index_key)

    @cached_property
    def clock(self) -> SystemClock | SimulatedClock:
        """What tells the node the time."""
        manifest = self.manifest
        return clock_of(manifest.clock, manifest.begun_ns, self.path / "clock.json")

    def expect_usable(self) -> None:
        """ConfigError if it is a folder of something else, which a node would fill with its own files."""
        if self.manifest_file.exists() or self.journal.exists():
            return
        others = sorted(name for name in os.listdir(self.path) if not _may_be_first(name))
        if others:
            found = ", ".join(others[:3]) + (", …" if others[3:] else "")
            hint = "name an empty or a new folder with --data DIR"
            raise ConfigError("this folder holds something else", path=self.path, found=found, hint=hint)

    def expect_plain_files(self) -> None:
        """ConfigError if there is a pipe or a device in it: to open one may never end."""
        for folder, _, names in os.walk(self.path):
            for name in names:
                path = Path(folder, name)
                with contextlib.suppress(OSError):  # what cannot be looked at is refused by who opens it
                    mode = path.stat().st_mode
                    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                        text, hint = "a pipe or a device in the data directory", "restore the file"
                        raise ConfigError(text, path=path, hint=hint)

    def expect_room(self, segment_bytes: int) -> None:
        """NoSpace if the disk has no room for a start, which would try again and again. A journal that is
        there has its segments; a new one begins with a whole one."""
        needed = START_BYTES + (0 if self.journal.exists() else segment_bytes)
        if (free := free_bytes(self.path)) < needed:
            text = "the disk has no room for a start"
            raise NoSpace(text, path=self.path, free_bytes=free, needed_bytes=needed)

    def open(
        self,
        app: str,
        fingerprint: str,
        partitions: int,
        *,
        given: bool,
        index_key: bytes = b"",
        clock: str | None = None,
    ) -> None:
        """Writes the manifest of a new directory, or compares that of an old one with the configuration.

        `given`: the number of partitions was asked for. `clock`: the one that was asked for, if one was.
        ConfigError if the directory belongs to another application, to other reference data, or has another
        number of partitions or another clock than was asked for; CorruptData if its manifest is lost.
        """
        path = self.manifest_file
        if not path.exists():
            if self.journal.exists():
                raise CorruptData("the data directory has a journal but no manifest", path=path)
            made = new_manifest(app, fingerprint, partitions, index_key, clock or SYSTEM)
            write_manifest(path, made)
        self.match(app, fingerprint)
        if given and partitions != self.partitions:
            raise ConfigError(
                "partitions cannot be changed", path=path, found=self.partitions, wanted=partitions
            )
        if clock is not None and clock != (found := self.manifest.clock):
            raise ConfigError("the clock cannot be changed", path=path, found=found, wanted=clock)

    def open_to_others(self) -> str:
        """The mode of the directory, as `chmod` has it, if another user may look into it; otherwise empty."""
        mode = self.path.stat().st_mode & 0o777
        return f"{mode:o}" if mode & 0o077 else ""

    def match(self, app: str, fingerprint: str) -> None:
        """ConfigError if the directory is of another application or of other reference data."""
        manifest, path = self.manifest, self.manifest_file
        if manifest.app != app:
            raise ConfigError(
                "the data directory belongs to another application", path=path, found=manifest.app, wanted=app
            )
        if manifest.fingerprint != fingerprint:
            raise ConfigError(
                "the application's reference data is not what this data directory was made with",
                path=path,
                found=manifest.fingerprint,
                wanted=fingerprint,
                hint="start with the settings and files of before, or with another data directory",
            )

    def reader(self, partition: int) -> "Reader":
        """The event store of a partition, open for reading. Fault: it is not there, or cannot be read."""
        from engine.store import Reader  # brings LMDB, which a look for a running node does not need

        return Reader(self.store(partition), self.map_bytes)

    def snapshot_folder(self, partition: int) -> "SnapshotFolder":
        """The snapshots of a partition."""
        from engine.snapshots import SnapshotFolder  # as above

        return SnapshotFolder(self.snapshots / f"{partition:04d}", partition)

    def readers(self) -> "list[Reader]":
        """One for each partition."""
        return [self.reader(partition) for partition in range(self.partitions)]


def is_of_a_life(path: Path) -> bool:
    """True for what belongs to the life of a node and not to the data: another node makes its own. `path`:
    relative to the data directory."""
    return str(path) in NOT_OF_A_COPY or any(map(path.match, LMDB_LOCKS))


def _may_be_first(name: str) -> bool:
    """True if a file system, a log or a start that did not get far may have made it before the manifest."""
    return name in ("lock", "lost+found") or name.startswith((".", "manifest.json")) or name.endswith(".log")
