"""A link that has ended leaves no connection open, whatever the servers did meanwhile."""

import signal
import socket
import threading
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from engine.base.errors import ConfigError, Fault
from engine.cluster.link import Link, servers_of
from engine.cluster.servers import Servers
from tests.cluster.missing import needs_servers

pytestmark = needs_servers


def connections(url: str) -> int:
    """How many this process has to the server at an address."""
    port = int(url.rpartition(":")[2])
    mine = psutil.Process().net_connections("tcp")
    return sum(bool(one.raddr) and one.raddr[1] == port for one in mine)


def test_of_a_server_that_answers(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        with closing(Link(servers_of(servers.urls), "test")):
            assert connections(servers.urls) == 1
        assert connections(servers.urls) == 0


def test_of_a_server_that_hangs(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        with closing(Link(servers_of(servers.urls), "test")):
            servers.kill(0, signal.SIGSTOP)
        assert connections(servers.urls) == 0


def test_of_a_server_that_hangs_while_much_is_to_be_sent(tmp_path: Path) -> None:
    with Servers(tmp_path, 1) as servers:
        with closing(Link(servers_of(servers.urls), "test")) as link:
            servers.kill(0, signal.SIGSTOP)
            for _ in range(16):
                link.tell("all", bytes(1 << 20))
        assert connections(servers.urls) == 0


def test_of_a_server_that_refuses(tmp_path: Path) -> None:
    with Servers(tmp_path, 1, more="authorization { user: me, password: secret }\n") as servers:
        with pytest.raises(ConfigError, match="refuse"):
            Link(servers_of(servers.urls), "test")
        assert connections(servers.urls) == 0


def test_of_something_that_is_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"nats://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(Fault, match="no NATS server answers"):
            Link(servers_of(url), "test")
        assert connections(url) == 0


def test_and_its_thread_ends(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with Servers(tmp_path, 1) as servers:
        with closing(Link(servers_of(servers.urls), "test")):
            assert {thread.name for thread in set(threading.enumerate()) - before} == {"link"}
            servers.kill(0, signal.SIGSTOP)
        assert set(threading.enumerate()) <= before
