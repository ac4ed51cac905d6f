"""Hostile commands, queries and frames on a running node: each harms its sender alone, no process ends."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import zmq

from engine import Client, Node
from tests.acceptance.kit import SMALL
from tests.acceptance.stranger import Bare
from tests.corpora import corpus
from tests.deadline import until
from tests.unit.engine.cli.sample import Add

PATIENCE_MS = 10_000
ASKED = {"no-json": "malformed", "no-command": "malformed", "passes": ""}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One node for all of it. What ends a process of it is seen at the end at the latest."""
    folder = tmp_path_factory.mktemp("hostile")
    settings = SMALL | {"hang_seconds": 5}
    with Node(folder / "data", app="tests.corpora.app:create", settings=settings, log=folder / "log") as node:
        yield node
        unharmed(node)


@pytest.fixture
def dealer() -> Iterator["zmq.Socket[bytes]"]:
    made: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    made.setsockopt(zmq.LINGER, 0)
    yield made
    made.close()


def unharmed(node: Node) -> None:
    """Every process is the one that was started, and a command is committed and seen."""
    assert node.page is not None
    until(node.at_work, 10, "every process is at work")
    assert [name for name in node.page.names if node.page.slot(name).restarts] == []
    with Client(node.endpoints) as client:
        receipt = client.send(Add("good", number=1))
        assert receipt.outcome == "committed"
        assert client.query("sums", "twice", {"number": 21}, at_least=receipt) == 42


def answered(dealer: "zmq.Socket[bytes]", body: bytes) -> Any:
    dealer.send(body)
    assert dealer.poll(PATIENCE_MS), f"no answer to {body[:200]!r}"
    return json.loads(dealer.recv())


@pytest.mark.parametrize("folder", ASKED)
def test_every_hostile_command_is_answered_alone(
    node: Node, dealer: "zmq.Socket[bytes]", folder: str
) -> None:
    dealer.connect(node.endpoints.commands)
    for name, body in corpus(f"commands/{folder}").items():
        for answer in answered(dealer, body):
            assert answer.get("code") == ASKED[folder] or not ASKED[folder], (name, answer)
    unharmed(node)


def test_every_hostile_query_is_answered_by_whom_it_is_sent_to(
    node: Node, dealer: "zmq.Socket[bytes]"
) -> None:
    ends = node.endpoints
    desks = {ends.queries["sums"]: "twice", ends.process_managers["watcher"]: "lag", ends.reads: "events"}
    for endpoint, query in desks.items():
        dealer.connect(endpoint)
        for name, body in corpus("queries").items():
            for asked in {body, body.replace(b'"twice"', f'"{query}"'.encode())}:
                assert "positions" in answered(dealer, asked), name
        dealer.disconnect(endpoint)
    unharmed(node)


def test_hostile_bytes_on_any_socket_harm_no_process(node: Node) -> None:
    ends = node.endpoints
    asked = [ends.commands, ends.queries["sums"], ends.process_managers["watcher"], ends.reads]
    held: list[Any] = []  # open until the end, since a half message is worst while its sender stays
    for endpoint in [*asked, *ends.events]:
        for body in corpus("frames/from-the-start").values():
            raw = socket.socket(socket.AF_UNIX)
            held.append(raw)
            raw.connect(endpoint.removeprefix("ipc://"))
            sent(raw, body)
    for endpoint in asked:
        for body in corpus("frames/after-the-handshake").values():
            bare = Bare(endpoint, b"")
            held.append(bare)
            sent(bare.socket, body)
    unharmed(node)
    for one in held:
        one.close()
    unharmed(node)


def sent(raw: socket.socket, body: bytes) -> None:
    """Sends it all, or as much as the node takes before it closes the connection."""
    raw.settimeout(PATIENCE_MS / 1000)
    try:
        raw.sendall(body)
    except (BrokenPipeError, ConnectionResetError):
        return
