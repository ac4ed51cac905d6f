"""The bell, which wakes a sleeping process. A process has one, however many rings it reads."""

import contextlib
import os
import select
from collections.abc import Sequence

from ringbuffer.errors import RingError

_HAS_EVENTFD = hasattr(os, "eventfd")


class Bell:
    """An eventfd, or a pipe where there is none. Ringing it several times before it is drained counts
    once."""

    def __init__(self, fds: tuple[int, ...], owned: bool) -> None:
        """See `create` and `from_fds`."""
        self.fds = fds  # (eventfd,) or (read end, write end): for `pass_fds` of a child
        self._owned = owned
        self._poll = select.poll()
        self._poll.register(fds[0], select.POLLIN)

    @classmethod
    def create(cls, *, eventfd: bool = _HAS_EVENTFD) -> "Bell":
        """A new bell, closed by `close`. A child process gets it only if its `fds` are passed on."""
        if eventfd:
            return cls((os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC),), owned=True)
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        return cls((reading, writing), owned=True)

    @classmethod
    def from_fds(cls, fds: Sequence[int]) -> "Bell":
        """The bell of these inherited descriptors, which stay open, so that several bells may share them."""
        if len(fds) not in (1, 2):
            raise ValueError(f"a bell has one descriptor or two, not {len(fds)}")
        for fd in fds:
            try:
                os.fstat(fd)
            except OSError:
                raise RingError("the bell's descriptor was not passed to this process", fd=fd) from None
        return cls(tuple(fds), owned=False)

    def fileno(self) -> int:
        """The descriptor to poll together with others; readable once the bell was rung."""
        return self.fds[0]

    def ring(self) -> None:
        """Wakes the waiting process; never blocks."""
        with contextlib.suppress(BlockingIOError):  # full, so it has been rung and not drained yet
            if len(self.fds) == 1:
                os.eventfd_write(self.fds[0], 1)
            else:
                os.write(self.fds[1], b"\1")

    def drain(self) -> bool:
        """Forgets that it was rung; True if it was. Check for work after this call, not only before it."""
        try:
            if len(self.fds) == 1:
                os.eventfd_read(self.fds[0])
            else:
                os.read(self.fds[0], 1 << 16)
        except BlockingIOError:
            return False
        return True

    def wait(self, timeout_s: float) -> bool:
        """Sleeps until it is rung, at most `timeout_s` (rounded up to a millisecond), and drains it."""
        if not timeout_s >= 0:  # nan too
            raise ValueError(f"timeout_s is {timeout_s}")
        return bool(self._poll.poll(timeout_s * 1000)) and self.drain()

    def close(self) -> None:
        """Closes the descriptors of a bell made by `create`. Closing twice is closing once."""
        if self._owned:
            self._owned = False
            for fd in self.fds:
                os.close(fd)
