"""The run directory, for what a node needs only while it runs: rings, sockets, status page, node description.

It lies in shared memory where that has room, because rings and status page are written all the time and
mean nothing after a reboot; `passed_over` says why it does not. It is readable by its owner alone (0700),
which is what protects the ipc sockets in it. A node that was killed leaves its directory; the next node of
the same user removes it, which is safe because a live node holds the lock in it.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.base.errors import Fault
from engine.base.files import free_bytes
from engine.base.lock import try_lock
from engine.node.config import IPC_PATH_LIMIT

PREFIX = "ringfold-"
SHARED_MEMORY = Path("/dev/shm")
LONGEST_NAME = len("/process-000")  # of the sockets made in it


class RunDirectory:
    """A fresh directory, locked by this process and by the children that inherit `lock_fd`."""

    def __init__(self, path: Path, lock_fd: int, passed_over: str = "") -> None:
        self.path = path
        self.passed_over = passed_over
        self.lock_fd = lock_fd
        self.rings = path / "rings"
        self.status = path / "status"
        self.meters = path / "meters"
        self.description = path / "node.json"

    @classmethod
    def create(cls, need_bytes: int) -> "RunDirectory":
        """Makes one in a place with room for `need_bytes` of rings. Raises Fault if there is none."""
        refused = []
        for base in bases():
            sweep(base)
            free = free_bytes(base)
            if free < need_bytes:
                refused.append(f"{base}: {free >> 20} MiB free")
                continue
            try:
                why = "; ".join(refused) or f"{SHARED_MEMORY}: it cannot be used"
                return cls._create(base, "" if base == SHARED_MEMORY else why)
            except OSError as error:
                refused.append(f"{base}: {error}")
        raise Fault(
            "no place for the run directory",
            need_MiB=(need_bytes >> 20) + 1,
            tried="; ".join(refused) or "nothing",
            hint="smaller ring_bytes need less",
        )

    @classmethod
    def _create(cls, base: Path, passed_over: str) -> "RunDirectory":
        # Under another name until it is locked, so that no process takes it for one that was left.
        fresh = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=base))
        lock_fd = try_lock(fresh / "lock")
        if lock_fd is None:
            raise OSError(f"{fresh} is locked by another process")
        path = fresh.rename(base / fresh.name.removeprefix("."))
        directory = cls(path, lock_fd, passed_over)
        directory.rings.mkdir(mode=0o700)
        return directory

    def socket(self, name: str) -> str:
        """The endpoint of a socket in this directory."""
        return f"ipc://{self.path / name}"

    def remove(self) -> None:
        """Removes the directory and all in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.close(self.lock_fd)


def bases() -> Iterator[Path]:
    """Where run directories may lie, the best place first: memory, then temporary files."""
    seen = set()
    for text in (str(SHARED_MEMORY), os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"):
        base = Path(text) if text else None
        if base is None or base in seen or not base.is_dir() or not os.access(base, os.W_OK | os.X_OK):
            continue
        seen.add(base)
        # A random suffix of mkdtemp has eight characters.
        if len(os.fsencode(base)) + 1 + len(PREFIX) + 8 + LONGEST_NAME <= IPC_PATH_LIMIT:
            yield base


def sweep(base: Path) -> list[Path]:
    """Removes the run directories of dead nodes of this user; returns them."""
    removed = []
    for path in base.glob(PREFIX + "*"):
        lock = path / "lock"
        try:
            if path.stat().st_uid != os.getuid() or not lock.is_file():
                continue
            descriptor = try_lock(lock)
        except OSError:
            continue
        if descriptor is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)
            removed.append(path)
    return removed
