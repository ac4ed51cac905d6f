"""The spare: the next segment's file, filled with zeros ahead of need so that a rotation need not wait for
it.

It is filled and not only allocated, because the first write into allocated space makes the file system note
that the space is in use, and each flush then waits for its log too (docs/adr/0003-zero-filled-segments.md).
"""

import contextlib
import threading
from pathlib import Path

from engine.base.crash import crash_point
from engine.base.files import FULL, Files, write_all

NAME = "spare.tmp"
PIECE = 256 << 10  # flushed one by one, so that an append waits for one piece at most and not for the file
ZEROS = bytes(PIECE)


class Spare:
    """One file at a time, made in a thread or, for tests that log every step, at once.

    An error of that thread is kept, and raised by `take` in the thread that can act on it.
    """

    def __init__(self, folder: Path, files: Files, size: int, background: bool = True) -> None:
        self.path = folder / NAME
        self._files, self._size, self._background = files, size, background
        self._thread: threading.Thread | None = None
        self._file: int | None = None
        self._error: OSError | None = None
        self._cancelled = False

    def prepare(self) -> None:
        """Starts to make the file, unless that is under way or done."""
        if self._thread is not None or self._file is not None or self._error is not None:
            return
        if self._background:
            self._thread = threading.Thread(target=self._make, args=(self._size,), daemon=True)
            self._thread.start()
        else:
            self._make(self._size)

    def take(self, size: int) -> int:
        """Returns a durable, zero-filled file of at least this size, once it is made. OSError if it cannot
        be."""
        self._join()
        if self._file is not None and size > self._size:
            self._discard()
        if self._error is not None and self._error.errno in FULL:
            self._error = None  # that was a while ago, and there may be room now
        if self._file is None and self._error is None:
            self._make(max(size, self._size))
        error, self._error = self._error, None
        file, self._file = self._file, None
        if error is not None or file is None:
            raise error or OSError("the next segment could not be made")
        return file

    def put_back(self, file: int) -> None:
        """Takes back a file that could not be used yet."""
        self._file = file

    def close(self) -> None:
        """Stops the thread and removes a file that was not used."""
        self._cancelled = True
        self._join()
        self._discard()

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _discard(self) -> None:
        if self._file is not None:
            self._files.close(self._file)
            self._file = None
            with contextlib.suppress(OSError):  # a leftover is removed at the next start
                self._files.remove(self.path)

    def _make(self, size: int) -> None:
        file: int | None = None
        try:
            file = self._files.create(self.path)
            self._files.allocate(file, size)
            for offset in range(0, size, PIECE):
                if self._cancelled:
                    break
                write_all(self._files, file, [memoryview(ZEROS)[: min(PIECE, size - offset)]], offset)
                self._files.flush(file)
            crash_point("roll.made")
            self._file = file
        except OSError as error:
            self._error = error
            with contextlib.suppress(OSError):  # the error that counts is the first
                if file is not None:
                    self._files.close(file)
                self._files.remove(self.path)
