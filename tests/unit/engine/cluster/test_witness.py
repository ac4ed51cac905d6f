"""What must hold of the servers, and who says so when it does not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from engine.cluster.witness import (
    LEAST_PAYLOAD,
    Wrong,
    flushes,
    is_disabled,
    names,
    payload_for,
    wrong_with_servers,
)

GONE = "http://127.0.0.1:1"


class Monitor(BaseHTTPRequestHandler):
    """The monitoring port of a server."""

    config: ClassVar[dict[str, Any]] = {"sync_always": True}
    disabled: ClassVar[bool] = False
    says: ClassVar[dict[str, Any]] = {"version": "2.15.1", "max_payload": LEAST_PAYLOAD}

    def do_GET(self) -> None:
        logs = {"config": self.config, **({"disabled": True} if self.disabled else {})}
        body = json.dumps(self.says if self.path == "/varz" else logs).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class LazyMonitor(Monitor):
    config: ClassVar[dict[str, Any]] = {"sync_interval": 120_000_000_000}


class FullMonitor(Monitor):
    """Of a server whose disk was full."""

    config: ClassVar[dict[str, Any]] = {"store_dir": ""}
    disabled: ClassVar[bool] = True


class OldMonitor(Monitor):
    says: ClassVar[dict[str, Any]] = {"version": "2.14.9", "max_payload": LEAST_PAYLOAD}


class NarrowMonitor(Monitor):
    says: ClassVar[dict[str, Any]] = {"version": "2.15.1", "max_payload": 1 << 20}


class NoMonitor(Monitor):
    """What speaks something else there, as the port for clients does."""

    def do_GET(self) -> None:
        self.wfile.write(b"INFO {}\r\n")


@pytest.fixture
def monitors() -> Iterator[dict[str, str]]:
    servers = {name: HTTPServer(("127.0.0.1", 0), kind) for name, kind in KINDS.items()}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield {name: f"http://127.0.0.1:{server.server_port}" for name, server in servers.items()}
    for server in servers.values():
        server.shutdown()
        server.server_close()


KINDS = {
    "well": Monitor,
    "lazy": LazyMonitor,
    "full": FullMonitor,
    "old": OldMonitor,
    "narrow": NarrowMonitor,
    "other": NoMonitor,
}


def link(version: tuple[int, int, int] = (2, 15, 1), payload: int = LEAST_PAYLOAD) -> Any:
    named = SimpleNamespace(major=version[0], minor=version[1], patch=version[2])
    return SimpleNamespace(client=SimpleNamespace(connected_server_version=named, max_payload=payload))


def wrong(some_link: Any, *monitors: str, **wanted: int) -> list[Wrong]:
    return list(wrong_with_servers(some_link, list(monitors), **wanted))


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
def test_a_server_that_cannot_be_used_is_refused(some_link: Any, says: str, monitors: dict[str, str]) -> None:
    (one,) = wrong(some_link, monitors["well"])
    assert says in one.text


@pytest.mark.parametrize(("kind", "says"), [("old", "too old"), ("narrow", "no message as large as a batch")])
def test_each_server_is_looked_at_and_not_only_the_one_that_answers(
    kind: str, says: str, monitors: dict[str, str]
) -> None:
    (one,) = wrong(link(), monitors["well"], monitors[kind], monitors["well"])
    assert says in one.text
    assert monitors[kind] in one.text


def test_servers_that_cannot_be_looked_at_are_not_trusted(monitors: dict[str, str]) -> None:
    (one,) = wrong(link())
    assert "too few monitoring addresses" in one.text
    (one,) = wrong(link(), monitors["well"], copies=3)
    assert one.found == "1 of 3"


def test_a_port_that_speaks_something_else_does_not_answer(monitors: dict[str, str]) -> None:
    (one,) = wrong(link(), monitors["other"])
    assert "does not answer" in one.text
    assert flushes(monitors["other"]) is None
    assert names(monitors["other"]) == ("", monitors["other"], "")


def test_what_a_client_may_send_at_once_has_to_fit_into_a_message(monitors: dict[str, str]) -> None:
    assert payload_for(1 << 20) == LEAST_PAYLOAD
    wanted = payload_for(16 << 20)
    found = wrong(link(), monitors["well"], payload=wanted)
    assert [one.hint for one in found] == ["max_payload: 17MB"] * 2


def test_a_minority_may_be_down_since_nodes_have_to_start_even_so(monitors: dict[str, str]) -> None:
    assert wrong(link(), monitors["well"], monitors["well"], GONE) == []


@pytest.mark.parametrize("gone", [1, 2])
def test_servers_of_which_half_cannot_be_asked_are_not_trusted(monitors: dict[str, str], gone: int) -> None:
    found = wrong(link(), *[monitors["well"]] * (gone - 1), *[GONE] * gone)
    assert ["does not answer" in one.text for one in found] == [True] * gone


def test_a_server_whose_disk_was_full_counts_as_one_that_is_down(monitors: dict[str, str]) -> None:
    assert wrong(link(), monitors["well"], monitors["well"], monitors["full"]) == []
    found = wrong(link(), monitors["well"], monitors["full"], monitors["full"])
    assert [one.text for one in found] == [f"the server at {monitors['full']} keeps nothing"] * 2
    assert found[0].hint == "make room on its disk, then restart that server"
    assert (flushes(monitors["full"]), is_disabled(monitors["full"])) == (None, True)
    assert not is_disabled(monitors["well"])
    assert not is_disabled(GONE)
