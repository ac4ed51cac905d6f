"""What every process of a node shares: its node, its status slot, its signals, its way out."""

import argparse
import gc
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.base.errors import Exit, RingfoldError
from engine.base.log_line import log_line
from engine.model.app import Engine
from engine.model.loading import load_app
from engine.node.data_directory import DataDirectory
from engine.node.status import Slot, State, StatusPage
from ringbuffer import Bell, Consumer, Producer, RingError

BUSY_WAIT_S = 0.005  # bound of a park while work was seen lately: a lost wake-up costs at most this
IDLE_WAIT_S = 0.1  # bound of a park when long idle: keeps an idle node near zero
IDLE_AFTER_S = 0.5


class Stage:
    """One process of a node. Made from the command line that the supervisor wrote."""

    def __init__(self, kind: str) -> None:
        parser = argparse.ArgumentParser(prog=f"engine.processes.{kind}", description=f"The {kind} stage.")
        parser.add_argument("--run", type=Path, required=True, help="run directory, holding node.json")
        parser.add_argument("--partition", type=int, default=0)
        parser.add_argument("--view", default="", help="of a projector")
        parser.add_argument("--process-manager", default="", help="of a process manager: its name")
        options = parser.parse_args()
        self.partition: int = options.partition
        self.view: str = options.view
        self.process_manager: str = options.process_manager
        self.node: dict[str, Any] = json.loads((options.run / "node.json").read_text())
        self.config: dict[str, Any] = self.node["config"]
        self.data = DataDirectory(Path(self.node["data"]), self.config["map_bytes"])
        self.partitions: int = self.node["partitions"]
        names = {
            "input": "input",
            "projector": f"projector-{self.view}",
            "manager": f"manager-{self.process_manager}",
            "snapshotter": "snapshotter",
            "reader": "reader",
        }
        self.name = names.get(kind, f"{kind}-{self.partition}")
        self._page = StatusPage.attach(self.node["status"])
        self.slot = self._page.slot(self.name)
        self.slot.pid = os.getpid()
        self.slot.state = State.STARTING
        self.stopping = False
        # Not getppid(): a supervisor that died while this process was starting has been replaced already.
        self._parent: int = self.node["pid"]
        self._last_work = time.monotonic()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def state_of(self, name: str) -> State:
        """The state of another process of the node."""
        return State(self._page.slot(name).state)

    def slot_of(self, name: str) -> Slot:
        """The status line of another process of the node, to read."""
        return self._page.slot(name)

    def wait_for(self, name: str, *states: State) -> None:
        """Waits until another process is in one of these states."""
        self.wait_until(lambda: self.state_of(name) in states)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Waits for something that a neighbour does."""
        while not holds():
            if self.waits():
                raise SystemExit(Exit.TEMPORARY)
            time.sleep(0.01)

    def beat(self) -> None:
        """Called once a loop: progress is counted by the loop that does the work, not beside it."""
        self.slot.progress += 1

    def worked(self) -> None:
        """Something was done: stay alert for a while."""
        self._last_work = time.monotonic()

    def patience(self) -> float:
        """How long to park, in seconds: short after work, long when idle."""
        return IDLE_WAIT_S if time.monotonic() - self._last_work > IDLE_AFTER_S else BUSY_WAIT_S

    def abort(self) -> bool:
        """True when the supervisor is gone: then nobody would restart or stop us."""
        return os.getppid() != self._parent

    def waits(self) -> bool:
        """For a wait on a neighbour: waiting is no stall, so it counts as progress. True to give up."""
        self.beat()
        return self.abort()

    def bell(self, name: str) -> Bell:
        """The wake-up of another process, or of this one."""
        return Bell.from_fds(self.node["bells"][name])

    def producer(self, ring: str, wakes: str, partition: int | None = None) -> Producer:
        """The writing end of a ring whose reader is the process `wakes`."""
        return Producer(self._ring(ring, partition), self.bell(wakes))

    def consumer(self, ring: str, bell: Bell, partition: int | None = None) -> Consumer:
        """The reading end of a ring."""
        return Consumer(self._ring(ring, partition), bell)

    def _ring(self, ring: str, partition: int | None) -> Path:
        return Path(self.node["rings"]) / f"{ring}-{self.partition if partition is None else partition}"

    def app(self) -> Engine:
        """The application of the node, checked."""
        return load_app(self.node["app"], self.node["app_settings"])

    def log(self, text: str) -> None:
        """One line to the node's standard error."""
        log_line(f"{self.name}: {text}")

    def running(self) -> None:
        """Start-up is over: nothing of it needs to be looked at by the collector again."""
        gc.collect()
        gc.freeze()
        # Messages make no cycles, but each batch makes thousands of lists: with Python's own thresholds the
        # collector took a third of a projector's time.
        gc.set_threshold(200_000, 20, 100)
        self.slot.state = State.RUNNING


def run(kind: str, work: Callable[[Stage], None]) -> None:
    """Runs a stage and turns how it ended into an exit code."""
    stage = Stage(kind)
    try:
        work(stage)
    except RingfoldError as error:
        stage.log(str(error))
        sys.exit(error.exit_code)
    except RingError as error:
        stage.log(str(error))
        sys.exit(Exit.TEMPORARY)
    except Exception:
        stage.log(traceback.format_exc())
        sys.exit(Exit.TEMPORARY)
    stage.slot.state = State.STOPPED
