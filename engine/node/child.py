"""A child process of the supervisor: how it is started, what is known about it, and how its end is
described."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import engine.base
from engine.base.errors import Fault
from engine.node.policy import Backoff, Liveness
from engine.node.roles import Role
from engine.node.status import Slot, State

AT_WORK = (State.RUNNING, State.WAITING_FOR_ROOM)
SETTLED = (*AT_WORK, State.FAILED)  # a node counts as started without what failed


class Process:
    """One child process, and how to start it."""

    def __init__(self, role: Role, arguments: list[str], slot: Slot, liveness: Liveness) -> None:
        self.role, self.name = role, role.name
        self.arguments = arguments
        self.slot = slot
        self.liveness = liveness
        self.backoff = Backoff()
        self.popen: subprocess.Popen[bytes] | None = None
        self.due: float | None = 0.0  # when to start it; None: it runs, or has finished
        self.at_work_since: float | None = None
        self.told_to_stop = False
        self.finished = False
        self.killed = False  # because it hangs
        self.hung = False  # killed for it, too often to be tried again
        self.stands_in = False  # another program runs in its place

    def start(self, pass_fds: tuple[int, ...]) -> None:
        """Starts the process. Raises Fault if the system refuses."""
        self.slot.state = State.STARTING
        self.liveness.reset()
        self.due = self.at_work_since = None
        self.told_to_stop = self.killed = False
        try:
            self.popen = subprocess.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),  # standard output is for the ready line
                pass_fds=pass_fds,
                env=environment(),
                process_group=0,  # Ctrl-C at a terminal is for the supervisor, which stops the node
            )
        except OSError as error:
            raise Fault("a process cannot be started", name=self.name, error=error) from None
        self.slot.pid = self.popen.pid  # set before the process can do it, so that pid 0 is never signalled

    def give_up(self) -> None:
        """From now on a stand-in runs in the place of this process."""
        self._run("stand_in", stands_in=True)

    def try_again(self) -> None:
        """The process itself runs again."""
        self._run(self.role.kind, stands_in=False)

    def _run(self, program: str, *, stands_in: bool) -> None:
        self.arguments = [*self.arguments[:2], f"engine.processes.{program}", *self.arguments[3:]]
        self.backoff, self.hung, self.stands_in, self.due = Backoff(), False, stands_in, 0.0

    def signal(self, number: int) -> None:
        """Sends a signal if the process exists."""
        if self.popen is not None and self.popen.poll() is None:
            self.popen.send_signal(number)


def environment() -> dict[str, str]:
    """Children find the same packages, and numpy makes no threads that are never used."""
    root = str(Path(engine.__file__).parent.parent)
    folders = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(folders),
    }


def how_it_ended(code: int) -> str:
    """An exit code in words; a negative one means killed by that signal."""
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was killed by {signal.Signals(-code).name}"
