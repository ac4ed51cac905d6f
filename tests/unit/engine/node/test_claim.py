"""Who may take commands on an endpoint: nothing of another program is replaced, a dead socket is."""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.errors import ConfigError
from engine.node.claim import claimed, expect_free


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the socket shall be: short enough for an address."""
    return tmp_path / "s"


@contextlib.contextmanager
def served(path: Path, kind: int = socket.SOCK_STREAM) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, kind) as server:
        server.bind(str(path))
        if kind == socket.SOCK_STREAM:
            server.listen(0)
        yield server


def refusal(endpoint: str) -> str:
    with pytest.raises(ConfigError) as caught, claimed(endpoint):
        pass
    assert "\n" not in str(caught.value)
    return caught.value.message


def test_nothing_is_claimed_where_no_endpoint_is_named() -> None:
    with claimed(""):
        pass


def test_a_place_with_nothing_in_it_is_taken_and_left_as_it_was(path: Path) -> None:
    with claimed(f"ipc://{path}"):
        assert [file.name for file in path.parent.iterdir()] == ["s.lock"]
    assert list(path.parent.iterdir()) == []


def test_a_socket_that_nobody_serves_is_removed(path: Path) -> None:
    with served(path):
        pass
    with claimed(f"ipc://{path}"):
        assert not path.exists()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_socket_that_is_served_stays(path: Path, kind: int) -> None:
    with served(path, kind):
        assert refusal(f"ipc://{path}") == "another program serves that socket"
        assert stat.S_ISSOCK(path.lstat().st_mode)


def test_a_socket_whose_program_is_too_busy_to_take_a_connection_is_served(path: Path) -> None:
    with served(path), contextlib.ExitStack() as waiting:
        with contextlib.suppress(BlockingIOError):
            while True:
                one = waiting.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                one.setblocking(False)
                one.connect(str(path))
        assert refusal(f"ipc://{path}") == "another program serves that socket"


def test_what_is_not_a_socket_stays_as_it_is(path: Path) -> None:
    aim = path.with_name("aim")
    aim.write_text("theirs")
    for make in (lambda: path.write_text("mine"), path.mkdir, lambda: os.mkfifo(path)):
        make()
        before = path.lstat()
        assert refusal(f"ipc://{path}") == "what lies there is not a socket, and stays"
        assert path.lstat() == before or os.path.samestat(path.lstat(), before)
        path.rmdir() if path.is_dir() else path.unlink()
    path.symlink_to(aim)
    assert refusal(f"ipc://{path}") == "what lies there is not a socket, and stays"
    assert (path.is_symlink(), aim.read_text()) == (True, "theirs")


def test_a_folder_that_is_not_there_and_one_that_is_a_file(path: Path) -> None:
    assert refusal(f"ipc://{path}/nowhere/s") == "a socket cannot be made there"
    path.write_text("")
    assert refusal(f"ipc://{path}/s") == "a socket cannot be made there"


def test_two_nodes_that_start_at_once_have_one_claim(path: Path) -> None:
    with claimed(f"ipc://{path}"):
        assert refusal(f"ipc://{path}") == "another node takes commands there"
    with claimed(f"ipc://{path}"):
        pass


def test_a_lock_is_no_way_to_another_file(path: Path) -> None:
    aim = path.with_name("aim")
    path.with_name("s.lock").symlink_to(aim)
    assert refusal(f"ipc://{path}") == "a socket cannot be made there"
    assert not aim.exists()


def test_a_port_in_use_is_refused_and_a_free_one_is_not() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        port = server.getsockname()[1]
        assert refusal(f"tcp://127.0.0.1:{port}") == "the port cannot be used"
        assert refusal(f"tcp://localhost:{port}") == "the port cannot be used"
    expect_free(f"tcp://127.0.0.1:{port}")
