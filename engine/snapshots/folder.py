"""The folder of a partition's snapshots. Two are kept, so that one may be damaged."""

import re
from pathlib import Path
from typing import NamedTuple

from engine.base.files import DISK, Files

KEPT = 2
TMP = "making.tmp"
_NAME = re.compile(r"(\d{20})-(\d{20})\.snapshot")


class SnapshotFile(NamedTuple):
    """A snapshot as its file name describes it; the file itself has not been read."""

    position: int
    sequence: int
    path: Path


class SnapshotFolder:
    """The snapshots of one partition, in its folder: `<position>-<sequence>.snapshot`."""

    def __init__(self, path: Path, partition: int, files: Files = DISK) -> None:
        self.path, self.partition, self.files = path, partition, files

    def snapshots(self) -> list[SnapshotFile]:
        """All snapshots, newest first. None if a file has the place of the folder."""
        try:
            names = self.files.names(self.path)
        except NotADirectoryError:
            return []
        matches = map(_NAME.fullmatch, names)
        snapshots = [SnapshotFile(int(m[1]), int(m[2]), self.path / m[0]) for m in matches if m]
        return sorted(snapshots, reverse=True)

    def file_at(self, position: int, sequence: int) -> SnapshotFile:
        """The file in which a snapshot of this position and sequence belongs."""
        return SnapshotFile(position, sequence, self.path / f"{position:020d}-{sequence:020d}.snapshot")

    def make(self) -> None:
        """Makes the folder, and removes what an interrupted writer left."""
        self.files.make_folder(self.path)
        if TMP in self.files.names(self.path):
            self.files.remove(self.path / TMP)

    def keep(self, *kept: Path) -> list[SnapshotFile]:
        """Removes all but these, topped up to two with the newest others; returns what stays."""
        snapshots = self.snapshots()
        stay = [snapshot for snapshot in snapshots if snapshot.path in kept]
        stay += [snapshot for snapshot in snapshots if snapshot.path not in kept][: max(0, KEPT - len(stay))]
        for snapshot in snapshots:
            if snapshot not in stay:
                self.files.remove(snapshot.path)
        return sorted(stay, reverse=True)
