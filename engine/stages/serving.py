"""What a projector serves: one generation of its view, while another process builds the next one beside it.

    serve ──a newer version, or `rebuild`──▶ serve and build ──built──▶ load, catch up, serve it

The old generation answers until the new one is as far as the log.
"""

import gc
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.base.called import called
from engine.base.collecting import uncollected
from engine.base.crash import crash_point
from engine.base.errors import CorruptData, Fault, NoSpace
from engine.base.files import remove_all, set_aside
from engine.base.log import Log, log_error
from engine.base.log_codes import Code
from engine.follow import Fold, Projected
from engine.follow.code import is_of_other_code, view_mark
from engine.follow.generations import Generation, Generations, Pointer
from engine.follow.questions import Questions, Refused
from engine.model.app import Engine
from engine.node.data_directory import DataDirectory
from engine.node.status import Slot
from engine.stages.building import Building

RECORDS_A_TURN = 256
SAVE_S = 2.0  # what a kill while it catches up costs


class Serving:
    """The view of one projector process. `fold` and `questions` are those of what is served now."""

    def __init__(
        self,
        app: Engine,
        view: str,
        data: DataDirectory,
        slot: Slot,
        *,
        run: Path,
        log: Log,
        beat: Callable[[], None],
        replaced: Callable[[], object],
        settled: Callable[[], bool],
        wait: Callable[[], None],
    ) -> None:
        """`run`: run directory of the node. `beat`: called every now and then. `replaced`: called when what
        is served has been replaced. `settled`, `wait`: see `engine.follow.standing`."""
        self._app, self._view, self._slot, self._run, self._log = app, view, slot, run, log
        self._beat, self._replaced = beat, replaced
        self._registered = app.versions[view]
        self._generations = Generations(data.views, view)
        self._readers, self._map_bytes = data.readers(), data.map_bytes
        self._wall = data.clock.now_ns
        self._pointer = self._planned()
        self._generations.tidy(self._pointer)
        self._building: Building | None = None
        self._of_other_code: set[Generation] = set()
        self.fold = self._opened()
        if not self.fold.stands(settled, wait):
            self._begin_again()
        self.questions = Questions(self.fold, self, wall=self._wall)

    def _planned(self) -> Pointer:
        """What is served and built. A pointer that is damaged is kept aside, and the folders decide."""
        try:
            return self._generations.plan(self._registered)
        except CorruptData as error:
            aside = self._generations.set_pointer_aside()
            text = f"which generation of {self._view} is served is not known, and follows from the folders"
            self._log(Code.VIEW_DAMAGED, text, kept=aside, error=error)
            return self._generations.plan(self._registered)

    def _opened(self) -> Fold:
        """The view that is served. If it is damaged it is kept aside, and built again from the log."""
        try:
            return self._open(self._pointer.serves)
        except CorruptData as error:
            folder = self._generations.folder(self._pointer.serves)
            aside = set_aside(folder)
            text = f"{folder.name} is damaged, and is built again from the log"
            self._log(Code.VIEW_DAMAGED, text, kept=aside, error=error)
            return self._open(self._pointer.serves)

    def _begin_again(self) -> None:
        """The view is of another log than the one that is there, perhaps since a restore: it is rebuilt."""
        folder = self._generations.folder(self._pointer.serves)
        text = f"{folder.name} is of another log than the one that is stored, and is built again from it"
        self._log(Code.VIEW_OTHER_LOG, text, positions=self.fold.positions)
        self.fold.close()
        remove_all(folder)
        self.fold = self._open(self._pointer.serves)

    def ready(self) -> None:
        """Serves the generation, which has caught up; the next start begins with it. Begins to build what is
        newer."""
        self._slot.position = sum(self.fold.positions)
        self._slot.dead_letters = len(self.fold.dead_letters)
        self._point()
        if self._pointer.builds is not None:
            self._build(self._pointer.builds)

    def catch_up(self) -> None:
        """Applies all that is stored, and saves now and then, so that a kill does not cost all of it."""
        save_at = time.monotonic() + SAVE_S
        for partition, reader in enumerate(self._readers):
            while reader.position() > self.fold.positions[partition] and not self.fold.full:
                self.fold.pace.begin(SAVE_S)
                self.fold.catch_up(partition, RECORDS_A_TURN)
                self.fold.retry_due()
                self._slot.position = sum(self.fold.positions)
                if time.monotonic() > save_at:
                    self._save()
                    save_at = time.monotonic() + SAVE_S
        self._save()

    def look(self, now: float) -> bool:
        """Checks on what is being built. True if it has just taken over, so that `fold` is another one."""
        if self._building is None or not self._building.look(now):
            return False
        self._take_over(self._building)
        return True

    @property
    def patience(self) -> float:
        """Seconds until `look` has to be called again."""
        return 60.0 if self._building is None or self._building.state == "failed" else 0.05

    def versions(self) -> dict[str, Any]:
        """See `engine.follow.questions.Versions`."""
        version, number = self._pointer.serves
        return {
            "served": {
                "version": version,
                "generation": number,
                "folder": self._generations.folder(self._pointer.serves).name,
                "positions": self.fold.positions,
                "other_code": self._pointer.serves in self._of_other_code,
            },
            "building": None if self._building is None else self._building.as_dict(),
            "registered": sorted(self._registered),
            "store": [reader.position() for reader in self._readers],
        }

    def rebuild(self) -> dict[str, Any]:
        """See `engine.follow.questions.Versions`."""
        if self._building is not None and self._building.state != "failed":
            raise Refused("building", f"{self._building.folder.name} is being built already")
        serves = self._pointer.serves
        newest = max(self._registered)
        again = serves.version == newest  # otherwise the newer version failed to build: once more
        generation = Generation(newest, serves.number + 1 if again else 1)
        remove_all(self._generations.folder(generation))
        self._pointer = Pointer(serves, generation)
        self._point()
        return self._build(generation).as_dict()

    def close(self) -> None:
        """Closes everything. The next start continues what is being built."""
        if self._building is not None:
            self._building.stop()
        self.fold.close()
        for reader in self._readers:
            reader.close()

    def _point(self) -> None:
        try:
            self._generations.point(self._pointer)
        except OSError as error:  # the next start decides again, from the folders that are there
            text = "what is served of a view is not noted"
            log_error(self._log, Code.FOLLOW_NO_ROOM, NoSpace(text, view=self._view, error=error))

    def _open(self, generation: Generation) -> Fold:
        spec, folder = self._registered[generation.version], self._generations.folder(generation)
        target, readers, map_bytes = Projected(spec), self._readers, self._map_bytes
        with uncollected():  # it loads the whole view
            fold = Fold(self._app, target, folder, readers, map_bytes, log=self._log, beat=self._beat)
        if target.keeps and self._is_of_other_code(folder, view_mark(spec.cls), any(fold.positions)):
            self._of_other_code.add(generation)
            text = f"the code of {folder.name} has changed, and what it made before stays in it"
            hint = f"give it the next version, or `{called()} view rebuild {self._view}`"
            self._log(Code.VIEW_OTHER_CODE, text, hint=hint)
        return fold

    def _is_of_other_code(self, folder: Path, mark: str, begun: bool) -> bool:
        try:
            return is_of_other_code(folder, mark, begun)
        except OSError as error:  # the next start notes it
            text = "the code of a view is not noted"
            log_error(self._log, Code.FOLLOW_NO_ROOM, NoSpace(text, path=folder, error=error))
            return False

    def _build(self, generation: Generation) -> Building:
        folder = self._generations.folder(generation)
        beside = self._generations.folder(self._pointer.serves).name
        self._log(Code.VIEW_BUILDING, f"building {folder.name} beside {beside}")
        self._building = Building(self._run, self._view, generation, folder, self._log)
        return self._building

    def _take_over(self, building: Building) -> None:
        before = self.fold
        try:
            self.fold = self._open(building.generation)
            self.catch_up()
            if any(new < old for new, old in zip(self.fold.positions, before.positions, strict=True)):
                raise Fault("it cannot take all events in", positions=self.fold.positions)
        except Exception:  # whatever is wrong with the new one, the old one still serves
            trace = traceback.format_exc().rstrip()
            self._log(Code.VIEW_NOT_SERVED, f"{building.folder.name} cannot be served", trace=trace)
            if self.fold is not before:
                self.fold.close()
            self.fold, building.state = before, "failed"
            return
        self.questions = Questions(self.fold, self, wall=self._wall)
        self._building, self._pointer = None, Pointer(building.generation)
        crash_point("view.taken-over")
        self._point()
        crash_point("view.pointed")
        before.close()
        self._generations.tidy(self._pointer)
        aside = len(self.fold.dead_letters)
        self._log(Code.VIEW_SERVED, f"{building.folder.name} is served now", dead_letters=aside)
        del before
        gc.unfreeze()  # or what served before would stay: it was frozen with everything else at the start
        self._replaced()

    def _save(self) -> None:
        try:
            self.fold.save()
        except NoSpace as error:  # it continues in memory; the projector saves next
            log_error(self._log, Code.FOLLOW_NO_ROOM, error)
