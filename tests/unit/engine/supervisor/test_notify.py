"""What a service manager hears, on a socket such as systemd's."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from engine.node.child import Process
from engine.node.policy import Liveness
from engine.node.roles import Kind, Role
from engine.node.status import State, StatusPage
from engine.supervisor.notify import ServiceManager

WATCHDOG_S = 3.0


class Systemd:
    """The other end: a datagram socket, by its path or by an abstract name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.socket.setblocking(False)

    def environment(self, **more: str) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.name, "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)), "OTHER": "1", **more}

    def hears(self) -> list[str]:
        lines = []
        while True:
            try:
                lines += self.socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return lines


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@ringfold-test-{os.getpid()}"
    systemd = Systemd(name)
    yield systemd
    systemd.socket.close()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[list[Process]]:
    """A core and a view that are at work."""
    roles = [Role(Kind.CORE, 0), Role(Kind.PROJECTOR, subject="shelf")]
    page = StatusPage.create(tmp_path / "status", [role.name for role in roles])
    made = [Process(role, [], page.slot(role.name), Liveness(10.0, 120.0)) for role in roles]
    for process in made:
        process.slot.state = State.RUNNING
        process.popen = cast(Any, object())
    yield made
    page.close()


def test_a_node_says_when_it_is_ready_and_when_it_stops_once(
    systemd: Systemd, processes: list[Process]
) -> None:
    manager = ServiceManager.of(systemd.environment(WATCHDOG_USEC=""))
    core = processes[0]
    core.slot.state = State.REPLAYING
    manager.look(processes, 0.0, ready=False, stopping=False)
    assert systemd.hears() == ["STATUS=starting: waits for core-0", "EXTEND_TIMEOUT_USEC=30000000"]
    manager.look(processes, 0.02, ready=False, stopping=False)
    assert systemd.hears() == []
    manager.look(processes, 1.0, ready=False, stopping=False)
    assert systemd.hears() == ["EXTEND_TIMEOUT_USEC=30000000"]
    core.slot.state = State.RUNNING
    for now in (2.0, 3.0):
        manager.look(processes, now, ready=True, stopping=False)
    assert systemd.hears() == ["STATUS=at work: 2 processes", "READY=1"]
    for now in (4.0, 5.0):
        manager.look(processes, now, ready=True, stopping=True)
    assert systemd.hears() == ["STATUS=stopping", "STOPPING=1"]
    manager.close()


def test_it_beats_three_times_in_the_time_of_the_watchdog(systemd: Systemd, processes: list[Process]) -> None:
    manager = ServiceManager.of(systemd.environment())
    assert manager.beat_s == WATCHDOG_S / 3
    for tenths in range(30):
        manager.look(processes, tenths / 10, ready=True, stopping=False)
    assert systemd.hears().count("WATCHDOG=1") == 3
    manager.close()


def test_it_does_not_beat_while_a_process_that_was_killed_is_still_there(
    systemd: Systemd, processes: list[Process]
) -> None:
    manager = ServiceManager.of(systemd.environment())
    core = processes[0]
    core.killed = True
    manager.look(processes, 0.0, ready=True, stopping=False)
    assert "WATCHDOG=1" not in systemd.hears()
    core.popen = None  # it is gone
    manager.look(processes, 0.1, ready=True, stopping=False)
    assert systemd.hears() == ["WATCHDOG=1"]
    manager.close()


def test_the_status_names_what_is_not_at_work(systemd: Systemd, processes: list[Process]) -> None:
    manager = ServiceManager.of(systemd.environment(WATCHDOG_USEC=""))
    processes[1].slot.state = State.FAILED
    manager.look(processes, 0.0, ready=True, stopping=False)
    assert "STATUS=at work, but: projector-shelf failed" in systemd.hears()
    manager.close()


def test_its_variables_are_not_handed_on(systemd: Systemd) -> None:
    environment = systemd.environment(WATCHDOG_PID=str(os.getpid()))
    ServiceManager.of(environment).close()
    assert environment == {"OTHER": "1"}


def test_a_watchdog_for_another_process_is_not_fed(systemd: Systemd) -> None:
    manager = ServiceManager.of(systemd.environment(WATCHDOG_PID="1"))
    assert manager.beat_s is None
    manager.close()


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative"])
def test_without_a_socket_that_it_knows_nothing_is_said(address: str, processes: list[Process]) -> None:
    manager = ServiceManager.of({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3000000"})
    manager.look(processes, 0.0, ready=True, stopping=False)
    assert manager.beat_s is None


def test_a_service_manager_that_does_not_read_holds_nothing_up_and_hears_what_counts_later(
    systemd: Systemd, processes: list[Process]
) -> None:
    manager = ServiceManager.of(systemd.environment())
    for now in range(2000):  # more than its socket holds
        manager.look(processes, float(now), ready=False, stopping=False)
    manager.look(processes, 2000.0, ready=True, stopping=False)
    assert "READY=1" not in systemd.hears()
    manager.look(processes, 2000.1, ready=True, stopping=False)
    assert "READY=1" in systemd.hears()
    systemd.socket.close()
    manager.look(processes, 2001.0, ready=True, stopping=True)
    manager.close()
