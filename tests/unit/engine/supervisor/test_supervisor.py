"""The supervisor in this process, with real children: what it says to a service manager and to its log."""

import os
import signal
import socket
import threading
from pathlib import Path

import psutil
import pytest

from engine.base.errors import Exit
from engine.base.log import KeptLog
from engine.base.log_codes import Code
from engine.node import run_directory
from engine.node.config import load
from engine.supervisor.supervisor import Supervisor


def test_a_node_under_a_service_manager_beats_and_its_children_do_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_directory, "SHARED_MEMORY", tmp_path / "none")
    name = f"@ringfold-node-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    flags = {"data": str(tmp_path / "data"), "app": "examples.stock:app", "segment_bytes": "4MiB"}
    log = KeptLog()
    children: list[dict[str, str]] = []

    def ready(supervisor: Supervisor) -> None:
        children.extend(child.environ() for child in psutil.Process().children())
        os.kill(os.getpid(), signal.SIGTERM)

    heard: list[str] = []

    def listen(systemd: socket.socket) -> None:
        while "STOPPING=1" not in heard:
            heard.extend(systemd.recv(4096).decode().split("\n"))

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:])
        systemd.settimeout(60.0)
        listener = threading.Thread(target=listen, args=(systemd,))
        listener.start()
        assert Supervisor(load(flags, {}), log).run(ready) == Exit.OK
        listener.join(60.0)
    assert heard.index("EXTEND_TIMEOUT_USEC=30000000") < heard.index("READY=1") < heard.index("STOPPING=1")
    assert "WATCHDOG=1" in heard
    assert len(children) > 3
    assert [one for one in children if "NOTIFY_SOCKET" in one or "WATCHDOG_USEC" in one] == []
    assert Code.NODE_NOT_IN_MEMORY in log.codes
    assert "--shm-size" in log[log.codes.index(Code.NODE_NOT_IN_MEMORY)]
