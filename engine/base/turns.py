"""Turns: how long a thread runs before another one has the processor, where all processors are busy.

A turn of Linux's own length, a few milliseconds, ends when a process has just fetched what it works on into
the caches of a processor. Where many processes share few processors, long turns save up to a sixth of all
work (docs/adr/0025-long-turns.md).

A thread with long turns does not interrupt another one when it is woken, and one with short turns interrupts
it, so that other programs on the machine do not wait for a node.

Lengths are as asked from Linux 6.12 on. Where there are none, everything goes on as it is.
"""

import contextlib
import ctypes
import os
import platform
import sys

# sched_setattr(2), which Python does not have
_SYSTEM_CALL = {"x86_64": 314, "aarch64": 274, "riscv64": 274}.get(platform.machine(), 0)

_are_long = False


class _Attributes(ctypes.Structure):
    """struct sched_attr, in its first form."""

    _fields_ = [
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    ]


def take_long_turns(milliseconds: int) -> None:
    """This thread, and all that it starts from now on, run up to so long (0: nothing is changed), unless
    this process was given a policy of its own, as `chrt` does."""
    global _are_long
    if milliseconds:
        _are_long = True
        _take("SCHED_BATCH", milliseconds * 1_000_000)


def take_short_turns() -> None:
    """This thread runs as those of other programs do, if this process has long turns: it has little to do,
    and that at once."""
    if _are_long:
        _take("SCHED_OTHER", 0)


def _take(policy: str, slice_ns: int) -> None:
    if sys.platform != "linux" or not _SYSTEM_CALL or sys.maxsize < 1 << 32:
        return
    with contextlib.suppress(OSError):  # some systems and sandboxes have nothing of this
        if os.sched_getscheduler(0) in (os.SCHED_OTHER, os.SCHED_BATCH):
            nice = os.getpriority(os.PRIO_PROCESS, 0)
            wanted = _Attributes(policy=getattr(os, policy), nice=nice, runtime=slice_ns)
            wanted.size = ctypes.sizeof(wanted)
            ctypes.CDLL(None).syscall(_SYSTEM_CALL, 0, ctypes.byref(wanted), 0)
