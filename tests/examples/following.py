"""The history of a node, as it grows."""

from pathlib import Path
from typing import Any

from engine.node.data_directory import DataDirectory


class History:
    """All commits of a node, read from its store while it works."""

    def __init__(self, data: Path, partitions: int) -> None:
        self.commits: list[Any] = []
        self.positions = [0] * partitions
        self._readers = [DataDirectory(data).reader(p) for p in range(partitions)]

    def new(self) -> list[Any]:
        """The commits since the last call, those of each partition in order."""
        found = []
        for p, reader in enumerate(self._readers):
            for position, commit in reader.commits(self.positions[p]):
                assert position == self.positions[p] + 1, f"position {position} of partition {p}"
                self.positions[p] = position
                found.append(commit)
        self.commits += found
        return found

    def in_order(self) -> list[Any]:
        """All of it in the order in which the node took the commands in."""
        return sorted(self.commits, key=lambda commit: int(commit.sequence))

    def close(self) -> None:
        """Closes the readers."""
        for reader in self._readers:
            reader.close()
