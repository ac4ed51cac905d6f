"""What must hold of the servers, and who says so when it does not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from engine.cluster.witness import LEAST_PAYLOAD, Wrong, wrong_with_servers

GONE = "http://127.0.0.1:1"


class Monitor(BaseHTTPRequestHandler):
    """The monitoring port of a server."""

    always = True

    def do_GET(self) -> None:
        config = {"sync_always": True} if self.always else {"sync_interval": 120_000_000_000}
        body = json.dumps({"config": config}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class LazyMonitor(Monitor):
    always = False


@pytest.fixture
def monitors() -> Iterator[dict[str, str]]:
    servers = {name: HTTPServer(("127.0.0.1", 0), kind) for name, kind in KINDS.items()}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield {name: f"http://127.0.0.1:{server.server_port}" for name, server in servers.items()}
    for server in servers.values():
        server.shutdown()
        server.server_close()


KINDS = {"well": Monitor, "lazy": LazyMonitor}


def link(version: tuple[int, int, int] = (2, 15, 1), payload: int = LEAST_PAYLOAD) -> Any:
    named = SimpleNamespace(major=version[0], minor=version[1], patch=version[2])
    return SimpleNamespace(client=SimpleNamespace(connected_server_version=named, max_payload=payload))


def wrong(some_link: Any, *monitors: str) -> list[Wrong]:
    return list(wrong_with_servers(some_link, list(monitors)))


def test_nothing_is_wrong_with_servers_that_flush(monitors: dict[str, str]) -> None:
    assert wrong(link(), monitors["well"], monitors["well"]) == []


def test_a_server_that_flushes_later_is_named(monitors: dict[str, str]) -> None:
    (one,) = wrong(link(), monitors["well"], monitors["lazy"])
    assert monitors["lazy"] in one.text
    assert "not on its disk" in one.text


@pytest.mark.parametrize(
    ("some_link", "says"),
    [(link(version=(2, 14, 9)), "too old"), (link(payload=1 << 20), "no message as large as a batch")],
)
def test_a_server_that_cannot_be_used_is_refused(some_link: Any, says: str) -> None:
    (one,) = wrong(some_link)
    assert says in one.text


def test_a_minority_may_be_down_since_nodes_have_to_start_even_so(monitors: dict[str, str]) -> None:
    assert wrong(link(), monitors["well"], monitors["well"], GONE) == []


@pytest.mark.parametrize("gone", [1, 2])
def test_servers_of_which_half_cannot_be_asked_are_not_trusted(monitors: dict[str, str], gone: int) -> None:
    found = wrong(link(), *[monitors["well"]] * (gone - 1), *[GONE] * gone)
    assert ["does not answer" in one.text for one in found] == [True] * gone
