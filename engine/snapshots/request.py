"""Asking the snapshotter of a running node for a snapshot now: a file that is there until it was done."""

from pathlib import Path


class Request:
    """At most one at a time: who asks while one is open waits for the same snapshots."""

    def __init__(self, data: Path) -> None:
        self._path = data / "snapshots" / "take"

    def make(self) -> None:
        """Asks."""
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        self._path.touch()

    def is_there(self) -> bool:
        """True until it was answered."""
        return self._path.exists()

    def done(self) -> None:
        """Answers."""
        self._path.unlink(missing_ok=True)
