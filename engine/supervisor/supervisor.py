"""The supervisor, which makes what the processes of a node share, and starts, watches, restarts and stops
them.

    start     lock the data directory → check its manifest → run directory, rings, bells, status page →
              node.json → processes in pipeline order → ready when all of them are at work
    watch     ended: the policy table says restart or stop all; it hangs: killed, which is an end
    stop      input is told; it drains, and the end of its rings travels down the pipeline and back;
              then the followers are told, and in a cluster the member after them, because the other
              nodes wait for what a worker still does here as long as it beats; what is left after
              `stop_seconds` is killed

It holds no lock that a child needs and passes no data, so killing it does no harm; the children notice within
a second and end. Signals and the ends of children wake it; otherwise it checks once a second.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from engine.base.called import called
from engine.base.errors import ConfigError, Exit, Fault
from engine.base.files import DISK
from engine.base.lock import lock_data
from engine.base.log import Log
from engine.base.log_codes import Code
from engine.base.place import expanded
from engine.base.runbook import EXIT_PAGES
from engine.gateway.tokens import Tokens
from engine.model.app import Engine
from engine.model.loading import load_app
from engine.node.child import SETTLED, Process, how_it_ended
from engine.node.claim import claimed
from engine.node.clock import SYSTEM, shown
from engine.node.config import Settings
from engine.node.data_directory import DataDirectory
from engine.node.description import NodeDescription, ring_path, write_description
from engine.node.endpoints import Endpoints, cluster_mark, write_endpoints
from engine.node.extras import expect_extras
from engine.node.front import expect_certificate, front_of, listening, url_of
from engine.node.meters import MeterPage
from engine.node.misplaced import set_misplaced_aside
from engine.node.policy import Action, Backoff, Liveness, action_for, without_it
from engine.node.roles import MEMBER, RINGS, Kind, roles_of
from engine.node.run_directory import RunDirectory
from engine.node.status import StatusPage
from engine.snapshots import code_mark
from engine.supervisor.beginning import begin_followers
from engine.supervisor.given_up import GivenUp, marks_of
from engine.supervisor.notify import ServiceManager
from ringbuffer import Bell, create

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # the last when its terminal is gone
OWNER_ALONE = 0o077  # the umask of a node, whatever it began with: files 0600, folders and sockets 0700
LOOK_S = 1.0  # between two checks when all is well, which is what an idle supervisor costs
ROOM = "make /dev/shm larger (for a container: --shm-size), or ring_bytes smaller"
EAGER_LOOK_S = 0.02  # while something starts or stops


class Supervisor:
    """One node, from its settings to its exit code."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self.settings = settings
        self.config = settings.config
        self.log = log
        self.endpoints: Endpoints
        self._wanted: int | None = None  # signal that asked to stop
        self._hasty = False
        self._ready = False

    def run(
        self,
        on_ready: Callable[["Supervisor"], None],
        on_progress: Callable[[dict[str, dict[str, object]]], None] | None = None,
    ) -> int:
        """Runs the node until it is stopped; returns the exit code. Call it in the main thread.

        `on_ready` is called once, when every process is at work; `on_progress` about once a second until
        then, with a snapshot of the status page. Raises RingfoldError if the node cannot be started.
        """
        expect_extras(self.config)
        app = load_app(self.settings.app(), self.settings.app_settings)
        for check in app.at_starts:
            check()
        with contextlib.ExitStack() as cleanup, self._signals() as wake:
            cleanup.callback(os.umask, os.umask(OWNER_ALONE))
            self._manager = ServiceManager.of(os.environ)
            cleanup.callback(self._manager.close)
            data = DataDirectory(_folder(self.config.data), self.config.map_bytes)
            data.expect_usable()
            data.expect_plain_files()
            data.expect_room(self.config.segment_bytes)
            lock_fd = lock_data(data.lock)
            cleanup.callback(os.close, lock_fd)
            cleanup.enter_context(claimed(self.config.endpoint))
            self._open(data, app)
            set_misplaced_aside(data, self.log)
            begin_followers(data, app, self.config, self.log)
            run = RunDirectory.create(data.partitions * len(RINGS) * self.config.ring_bytes)
            cleanup.callback(run.remove)
            if run.passed_over:
                text = "shared memory has no room for the rings: they lie elsewhere, which may be slower"
                self.log(Code.NODE_NOT_IN_MEMORY, text, run=run.path, passed_over=run.passed_over, hint=ROOM)
            processes, pass_fds = self._prepare(app, data, run, cleanup)
            self._given_up = GivenUp(data, marks_of(app), run.path, self.log)
            for process in processes:
                if not process.role.in_pipeline:
                    self._given_up.begin(process)
            del app
            self._pass_fds = (*pass_fds, lock_fd, run.lock_fd)
            self._processes = processes
            cleanup.callback(data.endpoints.unlink, missing_ok=True)
            cleanup.callback(self._kill_all)
            write_endpoints(data.endpoints, self.endpoints)
            return self._watch(wake, on_ready, on_progress)

    def _open(self, data: DataDirectory, app: Engine) -> None:
        """Makes the data directory, or compares it with what is wanted; that of a cluster's node is made like
        those of all its nodes."""
        given = self.settings.given("partitions")
        clock = self.config.clock if self.settings.given("clock") else None
        key, partitions = b"", self.config.partitions
        if self.config.cluster:  # brings NATS, which a node that is alone does not need
            from engine.cluster.founding import expect_reach, join

            common = join(self.config, app)
            key, partitions = bytes.fromhex(common.index_key), common.partitions
        data.open(app.name, app.fingerprint, partitions, given=given, index_key=key, clock=clock)
        if self.config.cluster:
            expect_reach(common, data)
        if data.manifest.clock != SYSTEM:
            facts = {"clock": data.manifest.clock, "shows": shown(data.clock)}
            self.log(Code.CLOCK_SIMULATED, "the clock is a simulated one", **facts)
        if mode := data.open_to_others():
            hint = f"chmod 700 {data.path}"
            self.log(Code.DATA_OPEN, "others may enter the data directory", mode=mode, hint=hint)

    def _prepare(
        self, app: Engine, data: DataDirectory, run: RunDirectory, cleanup: contextlib.ExitStack
    ) -> tuple[list[Process], list[int]]:
        """Makes rings, bells, status page, meters and node.json, which the processes expect to find."""
        config = msgspec.structs.replace(self.config, partitions=data.partitions)
        roles = roles_of(
            data.partitions,
            app.projections,
            app.process_managers,
            app.workers,
            snapshots=config.snapshot_events > 0,
            gateway=bool(config.http),
            member=bool(config.cluster),
        )
        for ring in RINGS:
            for partition in range(data.partitions):
                _make_ring(ring_path(run.path, ring, partition), config.ring_bytes)
        bells = {role.name: Bell.create() for role in roles if role.in_pipeline}
        for bell in bells.values():
            cleanup.callback(bell.close)
        http_fd, http = self._listen(cleanup)
        self.page = StatusPage.create(run.status, [role.name for role in roles])
        cleanup.callback(self.page.close)
        MeterPage.create(run.meters, roles)
        self.endpoints = Endpoints(
            commands=config.endpoint or run.socket("commands"),
            queries={view: run.socket(f"query-{n}") for n, view in enumerate(app.projections)},
            process_managers={
                name: run.socket(f"manager-{n}") for n, name in enumerate(app.process_managers)
            },
            workers={name: run.socket(f"worker-{n}") for n, name in enumerate(app.workers)},
            reads=run.socket("reads"),
            events=[run.socket(f"events-{partition}") for partition in range(data.partitions)],
            max_message_bytes=config.max_message_bytes,
            max_commands_per_message=config.max_commands_per_message,
            max_in_flight_per_client=config.max_in_flight_per_client,
            status=str(run.status),
            data=str(data.path),
            app=app.name,
            partitions=data.partitions,
            pid=os.getpid(),
            http=http,
            cluster=cluster_mark(config.cluster_name, data.manifest.index_key) if config.cluster else "",
        )
        description = NodeDescription(
            run=str(run.path),
            endpoints=self.endpoints,
            config=config,
            app=self.settings.app(),
            app_settings=self.settings.app_settings,
            roles=roles,
            bells={name: bell.fds for name, bell in bells.items()},
            http_fd=http_fd,
            origins={value.name: value.source for value in self.settings.values},
            code=code_mark(app) if config.cluster else "",
        )
        write_description(run.description, description)
        processes = []
        for role in roles:
            program = role.program(in_cluster=bool(self.config.cluster))
            arguments = [sys.executable, "-m", f"engine.processes.{program}"]
            arguments += [f"--run={run.path}", f"--name={role.name}"]
            liveness = Liveness(config.hang_seconds, config.start_seconds)
            processes.append(Process(role, arguments, self.page.slot(role.name), liveness))
        return processes, [*(fd for bell in bells.values() for fd in bell.fds), *([http_fd] if http else [])]

    def _listen(self, cleanup: contextlib.ExitStack) -> tuple[int, str]:
        """(descriptor, URL) of the socket on which HTTP is served; (-1, "") if it is not."""
        config = self.config
        if not config.http:
            return -1, ""
        front = front_of(config.http)
        expect_certificate(config)
        if not front.is_loopback and not Tokens(DataDirectory.at(config.data).tokens).any_valid():
            hint = f"`{called()} tokens new NAME --role operator --data {config.data}`"
            raise ConfigError("HTTP beyond this machine needs a token", http=config.http, hint=hint)
        listener = cleanup.enter_context(contextlib.closing(listening(front)))
        return listener.fileno(), url_of(listener, front, tls=bool(config.http_certificate))

    def _watch(
        self,
        wake: int,
        on_ready: Callable[["Supervisor"], None],
        on_progress: Callable[[dict[str, dict[str, object]]], None] | None,
    ) -> int:
        """The loop: start what is due, check each process, then sleep until something happens."""
        tell_at = time.monotonic() + 1.0
        stop_by = float("inf")
        while True:
            now = time.monotonic()
            for process in self._processes:
                code = self._look_after(process, now)
                if code is not None:
                    return code
            if self._wanted is not None:
                if stop_by == float("inf"):
                    stop_by = now + self.config.stop_seconds
                    self.log(Code.NODE_STOPPING, "stopping", signal=signal.Signals(self._wanted).name)
                if self._stopped():
                    return Exit.OK
                if now > stop_by or self._hasty:
                    left = ", ".join(process.name for process in self._processes if not process.finished)
                    self.log(Code.NODE_CUT_SHORT, "killed what did not stop in time", processes=left)
                    return Exit.TEMPORARY
            elif not self._ready and all(process.slot.state in SETTLED for process in self._processes):
                self._ready = True
                on_ready(self)
            elif not self._ready and on_progress and now > tell_at:
                on_progress(self.page.snapshot())
                tell_at = now + 1.0
            stopping = self._wanted is not None
            self._manager.look(self._processes, now, ready=self._ready, stopping=stopping)
            self._sleep(wake, now)

    def _look_after(self, process: Process, now: float) -> int | None:
        """Handles one process: starts it if due, judges its end, kills it if it hangs. A returned code ends
        the node."""
        if process.finished:
            return None
        if process.popen is None:
            if process.due is not None and (now >= process.due or self._wanted is not None):
                process.start(self._pass_fds)
            return None
        code = process.popen.poll()
        if code is not None:
            return self._ended(process, code, now)
        state = process.slot.state
        if process.at_work_since is None and state in SETTLED:
            process.at_work_since = now
        if process.liveness.hangs(now, state, process.slot.progress, process.slot.in_hand):
            self.log(Code.PROCESS_HANGS, f"{process.name} hangs and is killed", pid=process.popen.pid)
            process.killed = True
            process.liveness.reset()
            own = not self._given_up.died_of_a_query(process)
            process.hung = own and process.backoff.hung(now) and not process.role.in_pipeline
            process.signal(signal.SIGKILL)
        return None

    def _ended(self, process: Process, code: int, now: float) -> int | None:
        process.popen = None
        told = f"{process.name} {how_it_ended(code)}"
        if self._wanted is not None and (
            code == Exit.OK or (process.told_to_stop and code in (-signal.SIGTERM, -signal.SIGKILL))
        ):
            process.finished = True
            return None
        if process.stands_in and code == Exit.OK:
            self._given_up.take_back(process)
            return None
        action = action_for(
            code, in_pipeline=process.role.is_needed, scrubs=process.role.kind is Kind.READER
        )
        if self._given_up.died_of_a_query(process):
            action = Action.RESTART
        worked = 0.0 if process.at_work_since is None else now - process.at_work_since
        delay = process.backoff.delay(now, worked)
        if action is Action.RESTART and (delay is None or process.hung):
            told += " because it hung again" if process.hung else f", {Backoff.MOST} restarts did not help"
            code, action = Exit.TEMPORARY, without_it(process.role.is_needed)
        if action is Action.GIVE_UP and not process.stands_in:
            self._given_up.give_up(process, told)
            return None
        if action is not Action.RESTART or delay is None:
            self.log(Code.NODE_GIVES_UP, f"{told}: the node stops", hint=EXIT_PAGES[Exit(code)].path)
            return code
        self.log(Code.PROCESS_RESTARTED, f"{told}: starting it again", delay_s=round(delay, 2))
        process.slot.restarts += 1
        process.due = now + delay
        return None

    def _stopped(self) -> bool:
        """Passes the stop on by one step. True once no process is left."""
        if not self._ready:
            return True  # the node was not announced yet; what was acknowledged all the same is durable
        pipeline = [process for process in self._processes if process.role.in_pipeline]
        if all(process.finished for process in pipeline):
            rest = [process for process in self._processes if not process.role.in_pipeline]
            told = [process for process in rest if process.role != MEMBER]
            if all(process.finished for process in told):
                told = rest
        else:
            told = pipeline[:1]
        for process in told:
            if process.told_to_stop:
                continue
            if process.slot.state in SETTLED:
                process.told_to_stop = True
                process.signal(signal.SIGTERM)
            elif not process.role.in_pipeline:  # far behind; it continues from its last checkpoint next time
                process.told_to_stop = True
                process.signal(signal.SIGKILL)
        return all(process.finished for process in self._processes)

    def _sleep(self, wake: int, now: float) -> None:
        awaited = (process.due is not None or process.at_work_since is None for process in self._processes)
        if self._ready and self._wanted is None and not any(awaited):
            patience = min(LOOK_S, self._manager.beat_s or LOOK_S)
        else:
            due = [process.due - now for process in self._processes if process.due is not None]
            patience = max(0.0, min([EAGER_LOOK_S, *due]))
        if select.select([wake], [], [], patience)[0]:
            os.read(wake, 4096)

    def _kill_all(self) -> None:
        for process in self._processes:
            process.signal(signal.SIGKILL)
        for process in self._processes:
            if process.popen is not None:
                process.popen.wait()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[int]:
        """Catches what stops it and SIGCHLD for a while; yields a descriptor that each of them wakes."""
        wake, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        before = {number: signal.signal(number, self._stop) for number in STOPS}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        if before[signal.SIGHUP] is signal.SIG_IGN:  # `nohup` said so
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        wakeup = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        try:
            yield wake
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(wake)
            os.close(write)

    def _stop(self, number: int, _frame: object) -> None:
        self._hasty = self._hasty or (number == signal.SIGINT and self._wanted == signal.SIGINT)
        self._wanted = number


def _folder(text: str) -> Path:
    data = expanded(text).absolute()
    try:
        DISK.make_folder(data)
    except OSError as error:
        raise ConfigError("the data directory cannot be made", path=data, error=error) from None
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigError("the data directory cannot be written", path=data)
    return data


def _make_ring(path: Path, capacity: int) -> None:
    try:
        create(path, capacity)
    except OSError as error:
        raise Fault("a ring cannot be made", path=path, error=error) from None
