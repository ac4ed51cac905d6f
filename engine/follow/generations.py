"""The generations of a view: which folder is served, and which one is being built beside it.

    views/NAME-vVERSION          the first time that a version is built: generation 1
    views/NAME-vVERSION.2        built again
    views/NAME.json              the pointer: {"serves": [version, generation], "builds": the same or null}

    at a start                                         served              built beside it
    -----------------------------------------------------------------------------------------------
    the pointer serves the newest registered version   that                what the pointer builds
    it serves an older one that is registered          that                the newest version
    it serves one that is not registered               the newest version  -
    no pointer, and the newest version has a folder    the newest version  -
    no pointer, an older registered one has a folder   that                the newest version
    no pointer and no folder                           the newest version  -

Of several generations of a version the lowest is served where nothing says which: a higher one may be half
built. A damaged pointer is as none.

The pointer is written once what it names can be served, so a half-built folder is never taken for a view
while a better one exists.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.durable import read_note, replace_note
from engine.base.errors import CorruptData
from engine.base.files import DISK, Files, set_aside

_FOLDER = re.compile(r"-v([1-9]\d*)(?:\.([1-9]\d*))?")


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


class _Written(msgspec.Struct, frozen=True):
    """The content of the pointer's file."""

    serves: tuple[int, int]
    builds: tuple[int, int] | None


def plan(registered: Collection[int], before: Pointer | None, there: Collection[Generation]) -> Pointer:
    """What to serve and what to build, by the table above. `there`: generations that have a folder."""
    newest = Generation(max(registered))
    if before is None:
        version = max((one.version for one in there if one.version in registered), default=newest.version)
        serves = min((one for one in there if one.version == version), default=newest)
        return Pointer(serves, None if version == newest.version else newest)
    serves, builds = before
    if serves.version == newest.version:
        useful = builds is not None and builds.version == newest.version and builds.number > serves.number
        return Pointer(serves, builds if useful else None)
    if serves.version in registered:
        return Pointer(serves, builds if builds and builds.version == newest.version else newest)
    # The lowest number: a higher one was still being built when this version was left.
    return Pointer(min((one for one in there if one.version == newest.version), default=newest))


class Generations:
    """The folders and the pointer of one view in `views`."""

    def __init__(self, views: Path, view: str, files: Files = DISK) -> None:
        self.views, self.view, self._files = views, view, files
        files.make_folder(views)
        self._file = views / f"{view}.json"

    def folder(self, generation: Generation) -> Path:
        """The folder of a generation."""
        return self.views / generation.folder(self.view)

    def pointer(self) -> Pointer | None:
        """What was decided last; None before the first decision. CorruptData if it cannot be read."""
        try:
            written = msgspec.json.decode(read_note(self._file, self._files), type=_Written)
        except FileNotFoundError:
            return None
        except (OSError, *NOT_DECODABLE) as error:
            hint = "remove it, and the newest version that has a folder is served"
            text = "the pointer of a view is damaged"
            raise CorruptData(text, path=self._file, error=error, hint=hint) from None
        builds = None if written.builds is None else Generation(*written.builds)
        return Pointer(Generation(*written.serves), builds)

    def point(self, pointer: Pointer) -> None:
        """Makes the decision durable."""
        if pointer != self.pointer():
            replace_note(self._file, msgspec.json.encode(_Written(*pointer)) + b"\n", self._files)

    def set_pointer_aside(self) -> Path:
        """Keeps a damaged pointer for who wants to look at it; returns where. Raises OSError."""
        return set_aside(self._file)

    def plan(self, registered: Collection[int]) -> Pointer:
        """What to serve and what to build at a start. A folder to build in is removed first unless the
        pointer names it, because it may be the remains of another attempt."""
        before = self.pointer()
        planned = plan(registered, before, self._there())
        if planned.builds is not None and (before is None or before.builds != planned.builds):
            _remove_what_can_be(self.folder(planned.builds))
        return planned

    def tidy(self, pointer: Pointer) -> None:
        """Removes other generations of the served version. Other versions stay, so that an operator can go
        back to them."""
        for generation in self._there():
            if generation.version == pointer.serves.version and generation not in pointer:
                _remove_what_can_be(self.folder(generation))

    def _there(self) -> list[Generation]:
        generations = []
        for path in self.views.glob(f"{self.view}-v*/data.mdb"):
            match = _FOLDER.fullmatch(path.parent.name.removeprefix(self.view))
            if match:
                generations.append(Generation(int(match[1]), int(match[2] or 1)))
        return generations


def _remove_what_can_be(folder: Path) -> None:
    """Removes a generation; what is left of it harms nothing."""
    import shutil  # and with it every compressor: 3 ms of each start

    shutil.rmtree(folder, ignore_errors=True)
