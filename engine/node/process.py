"""A process of a node, with what all of them share: role, status slot, signals, exit code."""

import contextlib
import gc
import os
import platform
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from engine.base.errors import Exit, Fault, NoSpace, RingfoldError, told
from engine.base.identity import partition_of
from engine.base.log import LineLog, log_error, output_as_log
from engine.base.log_codes import Code
from engine.base.parent import die_with_parent
from engine.base.standard_error import ensure_standard_streams
from engine.base.turns import take_long_turns
from engine.model.app import Engine
from engine.node.description import read_description
from engine.node.failure import last_words
from engine.node.roles import INPUT, MEMBER, Kind, Ring, Role
from engine.node.status import Slot, State, StatusPage
from engine.store.room import is_nearly_full, lacks_room
from ringbuffer import Bell, Consumer, Producer, RingError

BUSY_WAIT_S = 0.005  # bound of a park after recent work, which is what a lost wake-up costs at most
IDLE_WAIT_S = 0.1  # bound of a park when long idle: keeps an idle node near zero
IDLE_AFTER_S = 0.5
ROOM_WAIT_S = 6.0  # so long at work, and the supervisor counts no failure
ROOM_LOOK_S = 0.1
STARTED = (State.RUNNING, State.WAITING_FOR_ROOM, State.STOPPING, State.STOPPED)


class NodeProcess:
    """One process of a node. Made from the command line that the supervisor wrote.

    `role`: what it does; `config`, `endpoints`, `data`: of its node; `slot`: its line on the status page;
    `meters`: what it counts; `wake`: a descriptor that is readable once it was told to stop, to be polled
    while it waits.
    """

    def __init__(self) -> None:
        self.run, name = _told(sys.argv[1:])
        ensure_standard_streams()
        self.node = read_description(self.run)
        self.role = self.node.role(name)
        self.name, self.partition = self.role.name, self.role.partition
        self.config, self.endpoints, self.data = self.node.config, self.node.endpoints, self.node.data
        self.partitions = self.config.partitions
        take_long_turns(self.config.turn_ms)
        self.log = LineLog(self.name, self.config.log_format)
        sys.stdout = sys.stderr = output_as_log(self.log)  # whatever the application prints
        self._page = StatusPage.attach(self.endpoints.status)
        self.slot = self._page.slot(self.name)
        self._meters = self.node.meters()
        self.meters = self._meters.lines[self.name]
        self.slot.pid = os.getpid()
        self.slot.state = State.STARTING
        self.stopping = False
        # Not getppid(): a supervisor that died while this process was starting has been replaced already.
        self._parent = self.endpoints.pid
        die_with_parent(self._parent)
        self._last_work = time.monotonic()
        self._replayed: list[int] = []  # the sequences that the cores had once they had replayed
        last_words(self.run, self.name).unlink(missing_ok=True)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._stop)
        # Python goes on waiting after a signal, so a stop would take as long as all the parks that it meets.
        self.wake, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)

    @property
    def node_name(self) -> str:
        """What the other nodes of a cluster call this one."""
        return self.config.node or platform.node()

    def acts(self, role: Role | None = None) -> bool:
        """True if this process, or another of the node, is the one of all nodes that reaches outside: sends
        what a process manager orders, runs the handlers of a worker. That is on the owner of the partition of
        its name; workers may have a node of their own."""
        config, role = self.config, role or self.role
        if not config.cluster:
            return True
        if role.kind is Kind.WORKER and config.cluster_workers:
            return config.cluster_workers == self.node_name
        return bool(self.slot_of(MEMBER).owned >> partition_of(role.subject, self.partitions) & 1)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def slot_of(self, role: Role) -> Slot:
        """The status line of another process of the node, to read."""
        return self._page.slot(role.name)

    def sleep(self, seconds: float) -> None:
        """Sleeps so long, or until it is told to stop."""
        select.select([self.wake], [], [], seconds)

    def wait_for_look(self) -> None:
        """Waits until the input process has looked for damage in the event stores. Before that nothing is
        decided, stored or answered."""
        self.wait_until(lambda: self.slot_of(INPUT).state in STARTED)

    def has_settled(self) -> bool:
        """True if the event stores have all that the journal gave at this start, or before this process
        began. Asked again, it does not wait for what came since."""
        if not self._replayed:
            cores = [self.slot_of(Role(Kind.CORE, partition)) for partition in range(self.partitions)]
            if any(core.state not in STARTED for core in cores):
                return False
            self._replayed = [core.sequence for core in cores]
        outputs = [self.slot_of(Role(Kind.OUTPUT, partition)) for partition in range(self.partitions)]
        return all(one.sequence >= given for one, given in zip(outputs, self._replayed, strict=True))

    def wait_a_moment(self) -> None:
        """Waits a little for a neighbour; ends the process if the node is gone."""
        if self.waits():
            raise SystemExit(Exit.TEMPORARY)
        time.sleep(0.01)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Waits for something that a neighbouring process does."""
        while not holds():
            self.wait_a_moment()

    def beat(self) -> None:
        """Counts progress. It is called once a loop, by the loop that does the work."""
        self.slot.progress += 1

    def worked(self) -> None:
        """Notes that something was done, so that the process stays alert for a while."""
        self._last_work = time.monotonic()

    def patience(self) -> float:
        """The seconds for which to park: short after work, long when idle."""
        return IDLE_WAIT_S if time.monotonic() - self._last_work > IDLE_AFTER_S else BUSY_WAIT_S

    def abort(self) -> bool:
        """True when the supervisor is gone, so that no process would restart or stop this one."""
        return os.getppid() != self._parent

    def waits(self) -> bool:
        """Called while waiting for a neighbour, which counts as progress since waiting is not hanging. True
        to give up."""
        self.beat()
        return self.abort()

    def bell(self, role: Role) -> Bell:
        """The wake-up of another process, or of this one."""
        return Bell.from_fds(self.node.bells[role.name])

    def producer(self, ring: Ring, partition: int | None = None) -> Producer:
        """The writing end of a ring, of this process's partition unless another is named."""
        number = self.partition if partition is None else partition
        return Producer(self.node.ring(ring, number), self.bell(Role(ring.reader, number)))

    def consumer(self, ring: Ring, bell: Bell, partition: int | None = None) -> Consumer:
        """The reading end of a ring."""
        return Consumer(self.node.ring(ring, self.partition if partition is None else partition), bell)

    def app(self) -> Engine:
        """The application of the node, checked."""
        return self.node.load_app()

    def leave_word(self, text: str) -> None:
        """Says why the process ends, for the supervisor that starts it again or gives it up."""
        with contextlib.suppress(OSError):
            last_words(self.run, self.name).write_text(text, "utf-8", "backslashreplace")

    def owns(self, path: object) -> bool:
        """True if a path, as an error of the system has it, leads into the data directory."""
        return isinstance(path, str) and Path(path).is_relative_to(self.data.path)

    def end_with(self, error: RingfoldError) -> NoReturn:
        """Ends with one line, and the exit code that says by whose fault it is."""
        self.leave_word(str(error))
        log_error(self.log, Code.PROCESS_FAILED, error)
        sys.exit(error.exit_code)

    def end_without_room(self, error: Exception) -> NoReturn:
        """Ends a follower for which the disk is too full, once there may be room: started again at once, it
        would fail again, and be given up for what is not its fault."""
        self.log(Code.FOLLOW_NO_ROOM, f"{self.name} waits until there is room on the disk", error=told(error))
        self.slot.state = State.WAITING_FOR_ROOM
        until = time.monotonic() + ROOM_WAIT_S
        while is_nearly_full(self.data.path) and time.monotonic() < until and not self.stopping:
            if self.waits():
                break
            time.sleep(ROOM_LOOK_S)
        sys.exit(Exit.TEMPORARY)

    def running(self) -> None:
        """Ends the start-up, after which the collector need not visit its objects again."""
        if gc.isenabled():
            gc.collect()
        gc.freeze()
        # Messages make no cycles, but each batch makes thousands of lists: with Python's own thresholds the
        # collector took a third of a projector's time.
        gc.set_threshold(200_000, 20, 100)
        self.slot.state = State.RUNNING


def _told(words: list[str]) -> tuple[Path, str]:
    """Run directory and name, as the supervisor writes them; argparse would be 5 ms of each start."""
    match words:
        case [run, name] if run.startswith("--run=") and name.startswith("--name="):
            return Path(run.removeprefix("--run=")), name.removeprefix("--name=")
    sys.exit("a process of a node, which the supervisor starts: --run=FOLDER --name=ROLE")


def run(work: Callable[[NodeProcess], None]) -> None:
    """Runs the work of a process and turns how it ended into an exit code."""
    process = NodeProcess()
    try:
        work(process)
    except RingfoldError as error:
        if isinstance(error, NoSpace) and not process.role.in_pipeline:
            process.end_without_room(error)
        process.end_with(error)
    except RingError as error:
        process.leave_word(str(error))
        process.log(Code.PROCESS_FAILED, str(error))
        sys.exit(Exit.TEMPORARY)
    except Exception as error:
        if lacks_room(error, process.data.path) and not process.role.in_pipeline:
            process.end_without_room(error)
        if isinstance(error, OSError) and process.owns(error.filename):
            text = "a file of the data directory cannot be used"
            process.end_with(Fault(text, path=error.filename, error=error.strerror))
        process.leave_word(f"{type(error).__name__}: {error}")
        process.log(Code.PROCESS_BUG, "an unexpected exception", trace=traceback.format_exc().rstrip())
        sys.exit(Exit.TEMPORARY)
    process.slot.state = State.STOPPED
