"""A node of its own for a program, which is started as `serve` in a process, awaited, and stopped again.

Tests, benchmarks and the demo run the real thing this way: the same command line, processes and signals
that an operator has.

    with Node(data, app="notes:app") as node:
        client = Client(node.endpoints)
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

from engine.base.decoding import NOT_DECODABLE
from engine.base.errors import ConfigError, Fault
from engine.base.instants import instant
from engine.base.place import expanded
from engine.node.child import AT_WORK, environment
from engine.node.clock import SimulatedClock
from engine.node.data_directory import DataDirectory
from engine.node.endpoints import Announced, Endpoints
from engine.node.status import StatusPage


class Node:
    """One node in a process of its own. `settings` are those of `ringfold config`, by name.

    `log` takes the node's standard error: None passes it through, a path collects it in a file.
    """

    data: Path
    log: Path | None

    def __init__(
        self,
        data: str | os.PathLike[str],
        *,
        app: str,
        settings: Mapping[str, object] | None = None,
        log: str | os.PathLike[str] | None = None,
        start_timeout_s: float = 60.0,
    ) -> None:
        if not isinstance(app, str):
            raise TypeError(f'app is a name, as in "notes:app": the node is another process; not {app!r}')
        self.data = expanded(data)
        self.log = expanded(log) if log is not None else None
        self.start_timeout_s = start_timeout_s
        self._endpoints: Endpoints | None = None
        self.page: StatusPage | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._command = [
            sys.executable,
            "-m",
            "engine",
            "serve",
            "--json",
            f"--data={self.data}",
            f"--app={app}",
        ]
        self._command += [f"--set={name}={value}" for name, value in (settings or {}).items()]

    def start(self) -> "Node":
        """Starts it and waits until every process is at work. Raises Fault if it ends or takes too long."""
        log: IO[bytes] | None = open(self.log, "ab") if self.log else None  # noqa: SIM115  handed to the child
        try:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment()
            )
        finally:
            if log is not None:
                log.close()
        try:
            self._endpoints = self._ready()
            self.page = StatusPage.attach(self._endpoints.status)
        except BaseException:
            self.kill()
            raise
        return self

    @property
    def endpoints(self) -> Endpoints:
        """The endpoints as they were when the node was ready last."""
        if self._endpoints is None:
            hint = "call its start(), or use it by `with`"
            raise Fault("the node is not started", data=self.data, hint=hint)
        return self._endpoints

    @property
    def pid(self) -> int:
        """The process id of the supervisor."""
        return self._running().pid

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of the children by name (input, core-0, output-0, projector-VIEW) as they are now.

        Never 0 on a started node; of a child that ended, the last one until it is started again.
        """
        if self.page is None:
            return {}
        return {name: self.page.slot(name).pid for name in self.page.names}

    @property
    def ended(self) -> bool:
        """True if the supervisor has ended, on request or not; `wait` returns how."""
        return self._running().poll() is not None

    def at_work(self) -> bool:
        """True if every process is at work now."""
        return self.page is not None and all(
            self.page.slot(name).state in AT_WORK for name in self.page.names
        )

    def stop(self, timeout_s: float = 30.0) -> int:
        """Stops the node gracefully (SIGTERM); returns its exit code. Kills it and raises Fault after
        `timeout_s`."""
        process = self._running()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = 30.0) -> int:
        """Waits for the end of the node; returns its exit code, negative for a signal. Kills it after
        `timeout_s`."""
        process = self._running()
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Fault("the node did not end in time", data=self.data, timeout_s=timeout_s) from None
        self._forget()
        return code

    def kill(self) -> None:
        """Sends SIGKILL to the supervisor; its children notice and end within about a second."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget()

    def now(self) -> datetime:
        """What the node's clock shows, started or not, once its data directory is there."""
        return instant(DataDirectory.at(self.data).clock.now_ns())

    def time_passes(
        self, span: timedelta | None = None, /, *, minutes: float = 0.0, seconds: float = 0.0
    ) -> datetime:
        """Moves a simulated clock forward, whether the node runs or not; returns what it shows then. Timers
        that are due fire within a tenth of a second. ConfigError if the clock is the system's."""
        clock = DataDirectory.at(self.data).clock
        if not isinstance(clock, SimulatedClock):
            hint = 'start with clock="simulated:2026-11-24T08:00+08:00"'
            raise ConfigError("this node goes by the system's clock", data=self.data, hint=hint)
        clock.move((span or timedelta()) + timedelta(minutes=minutes, seconds=seconds))
        return self.now()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise Fault("the node is not started", data=self.data)
        return self._process

    def _ready(self) -> Endpoints:
        """Waits for the ready line, whatever else comes before it on standard output."""
        process = self._running()
        assert process.stdout is not None
        deadline = time.monotonic() + self.start_timeout_s
        rest = b""
        while True:
            *lines, rest = rest.split(b"\n")
            for line in lines:
                with contextlib.suppress(*NOT_DECODABLE):
                    return msgspec.json.decode(line, type=Announced).data
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                raise Fault("the node was not ready in time", data=self.data, timeout_s=self.start_timeout_s)
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                raise Fault("the node ended while starting", data=self.data, exit_code=process.wait())
            rest += piece

    def _forget(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
        if self.page is not None:
            self.page.close()
            self.page = None

    def __enter__(self) -> "Node":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        if kind is None:
            self.stop()
        else:
            self.kill()
