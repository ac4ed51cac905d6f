"""The shelf: which snapshots of a partition there are. Two are kept, so that one may be damaged."""

import re
from pathlib import Path
from typing import NamedTuple

from engine.base.files import Files, OsFiles

KEPT = 2
TMP = "making.tmp"
_NAME = re.compile(r"(\d{20})-(\d{20})\.snapshot")


class Place(NamedTuple):
    """A snapshot by its file name; nothing of the file was read."""

    position: int
    sequence: int
    path: Path


class Shelf:
    """The snapshots of one partition: `DATA/snapshots/<partition>/<position>-<sequence>.snapshot`."""

    def __init__(self, data: Path, partition: int, files: Files | None = None) -> None:
        self.partition = partition
        self.folder = data / "snapshots" / f"{partition:04d}"
        self.files = files or OsFiles()

    def places(self) -> list[Place]:
        """All there are, the newest first."""
        found = [(_NAME.fullmatch(name), name) for name in self.files.names(self.folder)]
        places = [Place(int(m[1]), int(m[2]), self.folder / name) for m, name in found if m]
        return sorted(places, reverse=True)

    def place(self, position: int, sequence: int) -> Place:
        """Where a snapshot of this moment belongs."""
        return Place(position, sequence, self.folder / f"{position:020d}-{sequence:020d}.snapshot")

    def make(self) -> None:
        """Makes the folders, and removes what an interrupted writer left."""
        self.files.make_folder(self.folder.parent)
        self.files.make_folder(self.folder)
        if TMP in self.files.names(self.folder):
            self.files.remove(self.folder / TMP)

    def keep(self, *kept: Path) -> list[Place]:
        """Removes all but these, and besides them the newest ones up to two in number; returns what stays."""
        places = self.places()
        stay = [place for place in places if place.path in kept]
        stay += [place for place in places if place.path not in kept][: max(0, KEPT - len(stay))]
        for place in places:
            if place not in stay:
                self.files.remove(place.path)
        return sorted(stay, reverse=True)
