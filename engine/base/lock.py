"""Locks that end with their holders: flock on a file whose descriptor the children inherit.

A flock belongs to the open file, so it lasts until the last process that inherited the descriptor has ended.
So a node cannot start on a data directory while any process of an earlier node is alive, however its
supervisor ended, and no stale lock is ever left.
"""

import fcntl
import os
import time
from pathlib import Path

from engine.base.errors import Fault, Locked

ORPHAN_WAIT_S = 3.0  # children end within a second of their supervisor; three times that, for a busy machine


def try_lock(path: Path) -> int | None:
    """The descriptor of the lock, or None if another process holds it. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def is_held(path: Path) -> bool:
    """True if a process holds the lock now."""
    if not path.exists():
        return False
    descriptor = try_lock(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def lock_data(path: Path, patience_s: float = ORPHAN_WAIT_S) -> int:
    """Locks a data directory and notes the process that did. Raises Locked, or Fault if that is impossible.

    While the noted supervisor is alive, it is refused at once. If only its orphans are left, they are about
    to end, and it waits for them for at most `patience_s`.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            descriptor = try_lock(path)
        except OSError as error:
            raise Fault("the data directory cannot be locked", path=path, error=error) from None
        if descriptor is not None:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor
        holder = _holder(path)
        if _alive(holder) or time.monotonic() > deadline:
            raise Locked(
                "another node uses the data directory", path=path.parent, pid=holder, hint="stop it first"
            )
        time.sleep(0.02)


def _holder(path: Path) -> int:
    try:
        return int(path.read_text() or 0)
    except (OSError, ValueError):
        return 0


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
