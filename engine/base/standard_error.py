"""Standard error, written so that a reader that stops reading does not stop the node.

A pipe that is full and a terminal that is held (Ctrl-S) would block the writer for ever, and with it the
commands. Setting O_NONBLOCK on the descriptor would set it for every program that shares it. So each write
opens the same file once more, for itself, and that one does not block. What cannot be written in time is
lost: a log must not end the work that it reports.
"""

import contextlib
import os
import select
import socket
import stat
import time

STANDARD_ERROR = 2
PATIENCE_S = 0.05  # for a reader that is only slow; none once it has not read for so long, until it does


class StandardError:
    """The writer of descriptor 2, whatever that is at the moment."""

    def __init__(self) -> None:
        self._is_read = True
        self._is_torn = False  # a line was written in part

    def write(self, data: bytes) -> None:
        """Writes all of it, or as much as there is room for in time. It never raises OSError."""
        if self._is_torn:
            data = b"\n" + data
        deadline = time.monotonic() + (PATIENCE_S if self._is_read else 0.0)
        left = memoryview(data)
        with contextlib.suppress(OSError):
            while left:
                written = _write_some(left)
                left = left[written:]
                if not written and not _wait(deadline - time.monotonic()):
                    break
        self._is_read = not left
        if len(left) < len(data):
            self._is_torn = len(left) > 0


def ensure_standard_streams() -> None:
    """Descriptors 0, 1 and 2 that are closed lead nowhere from now on. Otherwise the next file that is opened
    would have the number, and lines for standard error would be written into it."""
    for number in range(STANDARD_ERROR + 1):
        try:
            os.fstat(number)
        except OSError:
            # It gets the lowest number that is free, this one; and processes that are started have it too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _write_some(data: memoryview) -> int:
    """Writes what fits now; returns how much, 0 if nothing does. Raises OSError."""
    mode = os.fstat(STANDARD_ERROR).st_mode
    try:
        if stat.S_ISREG(mode):
            return os.write(STANDARD_ERROR, data)
        if stat.S_ISSOCK(mode):
            with socket.socket(fileno=os.dup(STANDARD_ERROR)) as same:
                return same.send(data, socket.MSG_DONTWAIT)
        try:
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            same_file = os.open(f"/proc/self/fd/{STANDARD_ERROR}", flags)
        except OSError:  # another user's, or a system without /proc
            if not _wait(0.0):
                return 0
            return os.write(STANDARD_ERROR, data[: select.PIPE_BUF])
        try:
            return os.write(same_file, data)
        finally:
            os.close(same_file)
    except BlockingIOError:
        return 0


def _wait(timeout_s: float) -> bool:
    """True if something can be written, now or within the time."""
    poll = select.poll()
    poll.register(STANDARD_ERROR, select.POLLOUT)
    return any(event & select.POLLOUT for _, event in poll.poll(max(0.0, timeout_s) * 1000))


standard_error = StandardError()
