"""The builder of a view, which builds a version from position 0 beside the projector that serves another.

That projector starts it and reads how far it has come. It ends when it is so close that the projector can
load what is there and catch up itself. If it is killed, it is started again and continues from its last save.
It gives way to all other processes, and none waits for it.

    standard output   one line of JSON now and then: {"positions": [n per partition], "store": [the same]}
"""

import argparse
import contextlib
import json
import os
import sys
import time
import traceback
from pathlib import Path

from engine.base.crash import crash_point
from engine.base.errors import ConfigError, CorruptData, Exit, NoSpace, RingfoldError
from engine.base.files import remove_all
from engine.base.lock import try_lock
from engine.base.log import LineLog, Log, log_error, output_as_log
from engine.base.log_codes import Code
from engine.base.standard_error import STANDARD_ERROR
from engine.follow import Fold, Projected
from engine.follow.code import FILE as CODE
from engine.follow.code import is_of_other_code, view_mark
from engine.node.description import NodeDescription, read_description

CLOSE_EVENTS = 2_000  # near enough for the projector to do the rest in a moment
RECORDS_A_TURN = 256
TELL_S = RETRY_S = 0.2
SAVE_S = 5.0  # what a kill costs; a save writes what has changed since
NICE = 10


class Builder:
    """One generation of one version of one view."""

    def __init__(self, options: argparse.Namespace, node: NodeDescription, log: Log, told: int) -> None:
        self._parent, self._told, self._log, self._waits = options.parent, told, log, False
        self._view: str = options.view
        app, data = node.load_app(), node.data
        spec = app.versions[options.view][options.version]
        self.readers = data.readers()
        folder: Path = options.folder
        if not folder.is_dir():
            remove_all(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if try_lock(folder / "lock") is None:
            raise RingfoldError("another process builds in this folder", path=folder)
        mark = view_mark(spec.cls)
        if is_of_other_code(folder, mark, begun=True):
            _empty(folder, CODE)  # or it would become a mixture
        is_of_other_code(folder, mark, begun=False)

        def open_fold() -> Fold:
            target, readers = Projected(spec), self.readers
            return Fold(app, target, folder, readers, data.map_bytes, log=log, beat=self.beat)

        try:
            self.fold = open_fold()
        except CorruptData as error:
            text = f"what was built in {folder.name} is damaged, and is built again"
            log(Code.VIEW_DAMAGED, text, error=error)
            _empty(folder)
            self.fold = open_fold()
        if not self.fold.stands(lambda: True, lambda: None):  # of another log: it begins again
            self.fold.close()
            _empty(folder)
            self.fold = open_fold()
        self._tell_at = self._save_at = 0.0
        crash_point("builder.begun")

    def build(self) -> None:
        """Builds until it is close."""
        fold = self.fold
        while True:
            for partition in range(len(self.readers)):
                fold.pace.begin(TELL_S)
                fold.catch_up(partition, RECORDS_A_TURN)
            fold.retry_due()
            if fold.full:
                raise ConfigError("too much is set aside", view=self._view, aggregates=len(fold.dead_letters))
            now = time.monotonic()
            close = self.behind() <= CLOSE_EVENTS
            if close or now > self._tell_at:
                self.tell()
                self._tell_at = now + TELL_S
            if close or now > self._save_at:
                close &= self.save()
                crash_point("builder.saved")
                self._save_at = time.monotonic() + SAVE_S
            if close:
                fold.close()
                crash_point("builder.closed")
                return

    def save(self) -> bool:
        """Saves. False if there was no room, as there may be later."""
        try:
            self.fold.save()
        except NoSpace as error:
            if not self._waits:
                log_error(self._log, Code.FOLLOW_NO_ROOM, error)
            self._waits = True
            time.sleep(RETRY_S)
            return False
        self._waits = False
        return True

    def behind(self) -> int:
        """The number of events that are missing."""
        return sum(reader.position() for reader in self.readers) - sum(self.fold.positions)

    def tell(self) -> None:
        """Reports how far it has come."""
        store = [reader.position() for reader in self.readers]
        line = json.dumps({"positions": self.fold.positions, "store": store}) + "\n"
        os.write(self._told, line.encode())

    def beat(self) -> None:
        """Ends if the projector is gone, since the next one starts a builder of its own."""
        if os.getppid() != self._parent:
            sys.exit(Exit.TEMPORARY)


def _empty(folder: Path, *more: str) -> None:
    for name in ("data.mdb", "lock.mdb", *more):
        remove_all(folder / name)


def main() -> None:
    """Builds, and turns how it ended into an exit code."""
    parser = argparse.ArgumentParser(prog="engine.processes.builder", description="Builds a view.")
    parser.add_argument("--run", type=Path, required=True, help="run directory of the node")
    parser.add_argument("--parent", type=int, required=True, help="process id of the projector")
    parser.add_argument("--view", required=True)
    parser.add_argument("--version", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where to build it")
    options = parser.parse_args()
    node = read_description(options.run)
    log = LineLog(f"builder-{options.view}", node.config.log_format)
    told = os.dup(1)  # standard output is for the projector, so what the application prints goes to the log
    os.dup2(STANDARD_ERROR, 1)
    sys.stdout = sys.stderr = output_as_log(log)
    with contextlib.suppress(OSError):
        os.nice(NICE)
    try:
        Builder(options, node, log, told).build()
    except RingfoldError as error:
        log_error(log, Code.PROCESS_FAILED, error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(Exit.TEMPORARY)  # the projector is gone
    except Exception:
        log(Code.PROCESS_BUG, "an unexpected exception", trace=traceback.format_exc().rstrip())
        sys.exit(Exit.TEMPORARY)


if __name__ == "__main__":
    main()
