"""The tie of a child to its parent's life, which holds even while the child is in a loop without end."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # Linux: prctl(2)
CALLER = "_RINGFOLD_CALLER"  # variable with the id of the program for which a command runs, if there is one
NEXT = "_RINGFOLD_NEXT"  # variable that is set if that program is stopping the node before this one


def die_with_caller() -> None:
    """The same for a command, if the program that called it wants that."""
    caller = os.environ.pop(CALLER, "")
    if caller.isdecimal():
        die_with_parent(int(caller))


def die_with_parent(parent: int) -> None:
    """Has the kernel kill this process when `parent`, a process id, ends; at once if it has ended already.

    A loop that looks for itself comes first where there is one, but code that never returns to its loop would
    keep what it holds, the lock of the data directory among it. Elsewhere than on Linux this does nothing.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
