"""Which folder of a view is served, and which one is being built beside it.

    views/NAME-vVERSION          the first time that a version is built: generation 1
    views/NAME-vVERSION.2        built again
    views/NAME.json              the pointer: {"serves": [version, generation], "builds": the same or null}

    found at a start                                   served              built beside it
    -----------------------------------------------------------------------------------------------
    the pointer serves the newest registered version   that                what the pointer builds
    it serves an older one that is registered          that                the newest version
    it serves one that is not registered               the newest version  -
    no pointer, and the newest version has a folder    the newest version  -
    no pointer, an older registered one has a folder   that                the newest version
    no pointer and no folder                           the newest version  -

The pointer is written when what it names can be served, so a folder that was only half built is never taken
for a view while there is a better one.
"""

import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from engine.operate.errors import CorruptData
from engine.operate.manifest import write_atomically


class Generation(NamedTuple):
    """One building of one version of a view."""

    version: int
    number: int = 1

    def folder(self, view: str) -> str:
        """The name of its folder."""
        name = f"{view}-v{self.version}"
        return name if self.number == 1 else f"{name}.{self.number}"


class Pointer(NamedTuple):
    """What is served, and what is being built to take over."""

    serves: Generation
    builds: Generation | None = None


def plan(registered: Collection[int], found: Pointer | None, has: Callable[[Generation], bool]) -> Pointer:
    """What to serve and what to build: the table above."""
    newest = Generation(max(registered))
    if found is None:
        older = [Generation(version) for version in sorted(registered) if has(Generation(version))]
        serves = older[-1] if older else newest
        return Pointer(serves, None if serves == newest else newest)
    serves, builds = found
    if serves.version == newest.version:
        useful = builds is not None and builds.version == newest.version and builds.number > serves.number
        return Pointer(serves, builds if useful else None)
    if serves.version in registered:
        return Pointer(serves, builds if builds and builds.version == newest.version else newest)
    return Pointer(newest)


class Shelf:
    """The folders and the pointer of one view in `views`."""

    def __init__(self, views: Path, view: str) -> None:
        self.views, self.view = views, view
        views.mkdir(parents=True, exist_ok=True)
        self._file = views / f"{view}.json"

    def folder(self, generation: Generation) -> Path:
        """Where a generation lies."""
        return self.views / generation.folder(self.view)

    def pointer(self) -> Pointer | None:
        """What was decided last; None: nothing yet. CorruptData if it cannot be read."""
        if not self._file.exists():
            return None
        try:
            found = json.loads(self._file.read_bytes())
            serves, builds = found["serves"], found["builds"]
            return Pointer(Generation(*map(int, serves)), builds and Generation(*map(int, builds)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            hint = "remove it: then the newest version that is there is served"
            text = "the pointer of a view is damaged"
            raise CorruptData(text, path=self._file, error=error, hint=hint) from None

    def point(self, pointer: Pointer) -> None:
        """Decides, durably."""
        if pointer != self.pointer():
            write_atomically(self._file, json.dumps(pointer._asdict()) + "\n")

    def plan(self, registered: Collection[int]) -> Pointer:
        """What to serve and what to build at a start."""
        return plan(registered, self.pointer(), lambda found: (self.folder(found) / "data.mdb").is_file())

    def tidy(self, pointer: Pointer) -> None:
        """Removes what other generations of the served version have left behind. Other versions stay: one
        may go back to them."""
        first = Generation(pointer.serves.version)
        mine = {self.folder(found) for found in pointer if found is not None}
        for path in self.views.glob(f"{first.folder(self.view)}*"):
            rest = path.name.removeprefix(first.folder(self.view))
            if path not in mine and (rest == "" or (rest[0] == "." and rest[1:].isdecimal())):
                shutil.rmtree(path, ignore_errors=True)
