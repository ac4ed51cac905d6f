"""The memory that a process alone uses: no files, no shared pages. Linux tells it in /proc/self/statm."""

import os

STATM = "/proc/self/statm"
_PAGE = os.sysconf("SC_PAGE_SIZE")


def own_bytes(statm: int) -> int:
    """It in bytes. `statm`: that file, open."""
    resident, shared = os.pread(statm, 100, 0).split()[1:3]
    return (int(resident) - int(shared)) * _PAGE


def own_bytes_now() -> int | None:
    """It in bytes, for who asks seldom; None where the system does not tell."""
    try:
        statm = os.open(STATM, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return own_bytes(statm)
    finally:
        os.close(statm)
