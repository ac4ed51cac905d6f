"""Starting and stopping a service: taken endpoints, broken applications, closed streams, masks of modes, and
a terminal that goes."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Client, Node
from tests.acceptance.kit import APP, ROOT, SMALL, clean_environment, one_line, open_run, ringfold
from tests.deadline import until

AT_ONCE_S = 10.0  # promised are two seconds; tests share the machine with others
SETTINGS = [f"--set={name}={value}" for name, value in SMALL.items()]


def refused(*arguments: str, env: dict[str, str] | None = None) -> str:
    """The one line of a start that is refused at once."""
    began = time.monotonic()
    shown = ringfold("serve", *SETTINGS, *arguments, env=env)
    assert time.monotonic() - began < AT_ONCE_S
    assert (shown.returncode, shown.stdout) == (2, "")
    return one_line(shown.stderr)


@contextlib.contextmanager
def masked(mask: int) -> Iterator[None]:
    """The umask of this process, and of what it starts, for a while."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_a_file_at_the_place_of_the_socket_stays(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("theirs")
    line = refused(f"--data={tmp_path / 'data'}", f"--endpoint=ipc://{tmp_path / 's'}")
    assert "is not a socket, and stays" in line
    assert (tmp_path / "s").read_text() == "theirs"


def test_a_port_in_use_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        port = server.getsockname()[1]
        line = refused(f"--data={tmp_path / 'data'}", f"--endpoint=tcp://127.0.0.1:{port}")
    assert f"tcp://127.0.0.1:{port}" in line
    line = refused(f"--data={tmp_path / 'data'}", f"--endpoint=ipc://{tmp_path}/nowhere/s")
    assert "a socket cannot be made there" in line


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import sys\nprint('here')\nsys.exit(0)\n", "SystemExit: 0"),
        ('from engine import *\nclass Do(Command, name="do"):\n    n: "Missing"\n', "no attribute app"),
    ],
)
def test_a_broken_application_is_one_line(tmp_path: Path, source: str, told: str) -> None:
    (tmp_path / "broken.py").write_text(source)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    shown = ringfold("serve", "--app=broken:app", f"--data={tmp_path / 'data'}", env=env)
    assert (shown.returncode, shown.stdout) == (2, "")
    *printed, line = shown.stderr.splitlines()
    assert line.startswith("ringfold: ")
    assert told in line
    assert printed in ([], ["here"])


@pytest.mark.smoke
def test_a_second_node_does_not_take_the_clients_of_the_first(tmp_path: Path) -> None:
    """Nor does one that was killed leave a socket in the way, whatever mask of modes the node has."""
    endpoint = f"ipc://{tmp_path / 's'}"
    data = tmp_path / "data"
    with masked(0), Node(data, app=APP, settings=SMALL | {"endpoint": endpoint}) as node:
        assert "another node takes commands there" in refused(
            f"--data={tmp_path / 'other'}", f"--endpoint={endpoint}"
        )
        with Client(node.endpoints) as client:
            assert client.send(open_run(0)).ok
        assert open_to_others(tmp_path / "s", node.endpoints.run, data) == []
        before = node.pids["input"]
        os.kill(before, signal.SIGKILL)
        until(lambda: node.pids["input"] not in (0, before) and node.at_work(), 20)
        with Client(node.endpoints) as client:
            assert client.send(open_run(1)).ok
        pids = list(node.pids.values())
        node.kill()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 20)
        assert stat.S_ISSOCK((tmp_path / "s").stat().st_mode), "a killed node leaves its socket"
        os.chmod(data, 0o755)
        with masked(0o777):
            node.start()
        shown = ringfold("status", f"--data={data}")
        assert shown.returncode == 0
        assert f"notice: others may enter the data directory (mode 755): chmod 700 {data}" in shown.stdout
        with Client(node.endpoints) as client:
            assert client.send(open_run(2)).ok
        assert node.stop() == 0
    assert not (tmp_path / "s.lock").exists()


def open_to_others(*roots: Path) -> list[tuple[Path, str]]:
    """Every file, folder and socket that another user may use, with its mode."""
    paths = [path for root in roots for path in (root, *root.rglob("*"))]
    modes = [(path, path.lstat().st_mode) for path in paths if path.exists()]
    return [(path, f"{mode:o}") for path, mode in modes if mode & 0o077]


@pytest.mark.parametrize("streams", [pytest.param("closed", marks=pytest.mark.smoke), "full"])
def test_standard_error_that_is_closed_or_full_harms_nobody_and_sighup_stops_in_order(
    tmp_path: Path, streams: str
) -> None:
    """A full one is a pipe that nobody reads: what the node says fills it at the first restart."""
    data = tmp_path / "data"
    command = [sys.executable, "run.py", "serve", *SETTINGS, f"--data={data}", f"--app={APP}"]
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while streams == "full":
            os.write(write, bytes(1 << 12))
    os.set_blocking(write, True)
    shell = ["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "-", *command] if streams == "closed" else command
    process = subprocess.Popen(
        shell, cwd=ROOT, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=write
    )
    try:
        until((data / "endpoints.json").exists, 30)
        until(lambda: ringfold("status", f"--data={data}").returncode == 0, 30)
        with Client(data) as client:
            assert client.send(open_run(0)).ok
            children = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True
            )
            os.kill(int(children.stdout.split()[0]), signal.SIGKILL)  # which is worth a line
            assert client.send(open_run(1), timeout_s=30).ok
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(read)
        os.close(write)
    assert ringfold("journal", "verify", f"--data={data}").returncode == 0
