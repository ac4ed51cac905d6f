"""One line to the node's standard error."""

import contextlib
import os

STANDARD_ERROR = 2


def log_line(text: str) -> None:
    """Writes the line at once. If it cannot be written (a full disk, a reader that left) it is lost, because
    a log must not end the work that it reports, least of all while the node waits for room."""
    with contextlib.suppress(OSError):
        os.write(STANDARD_ERROR, f"{text}\n".encode(errors="backslashreplace"))
