"""The progress of a long command: one line that changes on a terminal, and nothing elsewhere."""

import sys
import time
from typing import TextIO

EVERY_S = 0.2
WIDTH = 30


class Progress:
    """A count towards `whole`, which is 0 if it is not known."""

    def __init__(self, what: str, whole: int, stream: TextIO | None = None) -> None:
        self._what, self._whole = what, whole
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty()
        self._began = time.monotonic()
        self._next = self._began + EVERY_S
        self.done = 0

    def step(self, count: int = 1) -> None:
        """Counts so many more as done."""
        self.done += count
        if self._shown and time.monotonic() > self._next:
            self._next = time.monotonic() + EVERY_S
            self._show("")

    def end(self) -> float:
        """Prints the last line and a line feed; returns the seconds that it took."""
        if self._shown:
            self._show("\n")
        return time.monotonic() - self._began

    def _show(self, end: str) -> None:
        per_s = self.done / max(1e-3, time.monotonic() - self._began)
        text = f"{self._what} {self.done:,}"
        if self._whole:
            share = min(1.0, self.done / self._whole)
            full = int(share * WIDTH)
            text += f" of {self._whole:,} [{'#' * full}{'.' * (WIDTH - full)}] {share:4.0%}"
        print(f"\r{text}, {per_s:,.0f}/s".ljust(100), end=end, file=self._stream, flush=True)
