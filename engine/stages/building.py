"""The projector's side of a builder, which it starts, listens to, and starts again if it ended badly."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.base.errors import Exit
from engine.base.log import Log
from engine.base.log_codes import Code
from engine.follow.generations import Generation
from engine.node.child import environment, how_it_ended
from engine.node.policy import Action, Backoff, action_for


class Building:
    """One generation that is being built. `state`: building, built or failed."""

    def __init__(
        self, run: Path, view: str, generation: Generation, folder: Path, log: Log
    ) -> None:
        self.generation, self.folder = generation, folder
        self.state = "building"
        self.told: dict[str, Any] = {"positions": None, "store": None}
        self._command = [sys.executable, "-m", "engine.processes.builder", f"--run={run}", f"--view={view}"]
        self._command += [f"--version={generation.version}", f"--folder={folder}", f"--parent={os.getpid()}"]
        self._log = log
        self._backoff = Backoff()
        self._began = 0.0
        self._due: float | None = 0.0
        self._child: subprocess.Popen[bytes] | None = None
        self._line = b""

    def look(self, now: float) -> bool:
        """Starts the builder if it is due, reads its reports, judges its end. True once the generation is
        built."""
        if self._child is None:
            if self._due is not None and now >= self._due:
                self._start(now)
            return self.state == "built"
        self._hear()
        code = self._child.poll()
        if code is not None:
            self._hear()
            self._ended(code, now)
        return self.state == "built"

    def stop(self) -> None:
        """Ends the builder; what it saved stays."""
        if self._child is not None:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait()
            self._close()
        self._due = None

    def as_dict(self) -> dict[str, Any]:
        """The state as operators see it."""
        version, number = self.generation
        where = {"version": version, "generation": number, "folder": self.folder.name}
        return {**where, "state": self.state, **self.told}

    def _start(self, now: float) -> None:
        self._began, self._due = now, None
        self._child = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment()
        )
        assert self._child.stdout is not None
        os.set_blocking(self._child.stdout.fileno(), False)

    def _hear(self) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._child.stdout.fileno(), 65536):
                self._line += piece
        *whole, self._line = self._line.split(b"\n")
        if whole:
            self.told = json.loads(whole[-1])

    def _ended(self, code: int, now: float) -> None:
        self._close()
        if code == Exit.OK:
            self.state = "built"
            return
        again = action_for(code, in_pipeline=False) is Action.RESTART
        delay = self._backoff.delay(now, now - self._began) if again else None
        told = f"the builder of {self.folder.name} {how_it_ended(code)}"
        if delay is None:
            self.state = "failed"
            self._log(Code.VIEW_BUILDER_GIVEN_UP, f"{told} and is not started again")
            return
        self._log(Code.VIEW_BUILDER_RESTARTED, f"{told}: starting it again", delay_s=round(delay, 2))
        self._due = now + delay

    def _close(self) -> None:
        if self._child is not None and self._child.stdout is not None:
            self._child.stdout.close()
        self._child = None
