"""A request to the snapshotter of a running node: a file that exists until the snapshot has been taken."""

from pathlib import Path

from engine.base.files import remove_all


class Request:
    """The request of a data directory. A second one made while the first is open waits for the same
    snapshots."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self) -> None:
        """Asks for a snapshot of each partition."""
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        self._path.touch()

    def is_there(self) -> bool:
        """True until the request has been met."""
        return self._path.exists()

    def done(self) -> None:
        """Notes that the request has been met."""
        remove_all(self._path)
