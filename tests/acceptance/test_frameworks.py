"""The page about web frameworks: its files written, both of its sites served by two processes each."""

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from engine import Node
from tests.acceptance.kit import clean_environment
from tests.deadline import until

pytestmark = pytest.mark.smoke

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "FRAMEWORKS.md").read_text()
FILES = dict(re.findall(r"^```python (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
PATIENCE_S = 60.0
WORKERS = 2
SERVE = """
import os, socket, sys
from wsgiref.simple_server import WSGIServer, WSGIRequestHandler
from site_wsgi import application  # before the fork, as with --preload

class Server(WSGIServer):
    def __init__(self, listening):
        super().__init__(listening.getsockname(), WSGIRequestHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_name, self.server_port = listening.getsockname()
        self.setup_environ()
        self.set_app(application)

children = [os.fork() for _ in range(int(sys.argv[2]))]
if 0 in children:
    Server(socket.socket(fileno=int(sys.argv[1]))).serve_forever()
os.wait()
"""


class Site:
    """A site that listens on a socket of the test, which its processes inherit."""

    def __init__(self, folder: Path, node: Node, program: list[str], listening: socket.socket) -> None:
        self.address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.log = folder / f"{Path(program[0]).stem}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *program],
                cwd=folder,
                env=clean_environment() | {"RINGFOLD_DATA": str(node.data), "PYTHONPATH": f"{folder}:{ROOT}"},
                stdout=log,
                stderr=log,
                pass_fds=[listening.fileno()],
                start_new_session=True,
            )

    def asks(self, method: str, path: str, **headers: str) -> tuple[int, Any, Message]:
        """(status, body, headers) of one request on a connection of its own."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        request = urllib.request.Request(self.address + path, method=method, headers=named)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, json.load(answer), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), error.headers

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(OSError):
            return self.asks("GET", "/articles/none")[0] == 200
        return False

    def end(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader of the page has: its files, and the application."""
    folder = tmp_path_factory.mktemp("frameworks")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    shutil.copy(ROOT / "examples" / "stock.py", folder / "stock.py")
    (folder / "serve.py").write_text(SERVE)
    return folder


@pytest.fixture(scope="module")
def node(folder: Path) -> Iterator[Node]:
    with Node(folder / "data", app="examples.stock:app", log=folder / "node.log") as node:
        yield node


@pytest.fixture(params=["fastapi", "django"])
def site(request: pytest.FixtureRequest, folder: Path, node: Node) -> Iterator[Site]:
    for module in (request.param, "uvicorn"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"NOT TESTED: docs/FRAMEWORKS.md with {request.param}: pip install {module}")
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        number = str(listening.fileno())
        program = ["serve.py", number, str(WORKERS)]
        if request.param == "fastapi":
            program = ["-m", "uvicorn", "web:web", "--fd", number, "--workers", str(WORKERS)]
        site = Site(folder, node, program, listening)
        try:
            until(site.is_up, PATIENCE_S, "the site answers")
            yield site
        finally:
            site.end()


def test_a_site_sends_once_however_often_it_is_asked_and_reads_what_it_wrote(site: Site) -> None:
    article = f"apples-{site.process.pid}"
    take = f"/articles/{article}/take"
    first = site.asks("POST", f"{take}?count=2", Idempotency_Key="one")
    assert (first[0], first[1]["outcome"]) == (200, "committed")
    for _ in range(2 * WORKERS):
        again = site.asks("POST", f"{take}?count=2", Idempotency_Key="one")
        assert (again[0], again[2]["Position"]) == (200, first[2]["Position"])
        assert site.asks("GET", f"/articles/{article}", Position=first[2]["Position"])[:2] == (200, 98)
    second = site.asks("POST", f"{take}?count=3", Idempotency_Key="two")
    assert site.asks("GET", f"/articles/{article}", Position=second[2]["Position"])[:2] == (200, 95)
    status, body, _ = site.asks("POST", f"{take}?count=1000", Idempotency_Key="three")
    assert (status, body["code"]) == (422, "sold-out")


def test_a_site_refuses_what_it_cannot_pass_on(site: Site) -> None:
    assert site.asks("POST", "/articles/pears/take?count=1")[0] in (400, 422)
    assert site.asks("GET", "/articles/pears", Position="here")[0] == 400


def test_a_subscriber_in_a_process_of_its_own_hears_each_event_and_stops_when_told(
    folder: Path, node: Node
) -> None:
    from engine import Client
    from examples.stock import Take

    with Client(node) as client:
        receipt = client.send(Take("plums", count=7))
    environment = clean_environment() | {"RINGFOLD_DATA": str(node.data), "PYTHONPATH": f"{folder}:{ROOT}"}
    heard = folder / "heard"
    with heard.open("wb") as output:
        follower = subprocess.Popen([sys.executable, "follow.py"], cwd=folder, env=environment, stdout=output)
    try:
        until(lambda: f"{receipt.id}-0 plums 7\n" in heard.read_text(), PATIENCE_S, "it hears of the plums")
        follower.send_signal(signal.SIGTERM)
        assert follower.wait(PATIENCE_S) == 0
    finally:
        follower.kill()
        follower.wait()
